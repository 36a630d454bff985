/* SPDX-License-Identifier: GPL-2.0-or-later */
/* main.c - umld NAME: what it was told to do, and the exit status. */

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "api/dirs.h"
#include "api/exit-codes.h"
#include "basic/fd-util.h"
#include "basic/log.h"
#include "basic/parse-util.h"
#include "conf/config.h"
#include "daemon/base/handover.h"
#include "daemon/base/notify.h"
#include "daemon/base/places.h"
#include "daemon/doctor/doctor.h"
#include "daemon/doubts.h"
#include "daemon/guest/unconfirmed.h"
#include "daemon/manager.h"
#include "daemon/options.h"
#include "daemon/plan.h"
#include "daemon/privileges.h"
#include "daemon/reexec.h"
#include "host/cgroup-limit.h"
#include "host/resident.h"

static int check_directories(void) {
        for (UmldDir d = 0; d < UMLD_DIR_MAX; d++)
                if (!umld_dir(d)) {
                        log_error("%s: must be an absolute path; correct or unset it",
                                  umld_dir_variable(d));
                        return -EINVAL;
                }
        return 0;
}

/* A guest that runs without its umld, or that is handed over to us, goes on with the configuration
 * that it has. */
static bool may_be_adopted(const char *name) {
        _cleanup_free_ char *path = umld_path(DIR_RUNTIME, name, "adopt");

        return handover_is_there() || (path && access(path, F_OK) >= 0);
}

/* The exit code for a configuration that cannot be loaded. */
static int load(const char *name, Config **ret) {
        _cleanup_free_ char *file = umld_config_path(name),
                            *disk = umld_path(DIR_STATE, name, "root.img"),
                            *unconfirmed = umld_path(DIR_STATE, name, "unconfirmed");
        _cleanup_free_ char *error = NULL;
        int r;

        if (!file || !disk || !unconfirmed)
                return log_oom(), EXIT_FAILED;
        r = config_load(name, file, disk, ret, &error);
        if (r >= 0)
                r = unconfirmed_replace(unconfirmed, disk, ret, &error);
        if (r > 0 && !may_be_adopted(name)) /* else it may still be on trial */
                log_warning("%s: this text was tried by reload --confirm and not confirmed; using "
                            "the previous one (to apply the file, run umlctl reload %s, or edit it "
                            "and start again)",
                            file, name);
        if (r >= 0) {
                log_doubts(*ret);
                return EXIT_DONE;
        }
        log_error("%s", error ?: strerror(-r));
        return r == -ENOENT ? EXIT_NO_GUEST : EXIT_USAGE;
}

/* The name and the directories, which come from the user. */
static int check_user(const char *guest) {
        if (!guest_name_valid(guest)) {
                log_error("%s: invalid guest name; use 1 to 15 characters of a-z, 0-9 and -, "
                          "beginning with a letter",
                          guest);
                return -EINVAL;
        }
        return check_directories();
}

static int check_root(void) {
        if (geteuid() == 0)
                return 0;
        log_error("umld must be run as root: it creates a tap, sets firewall rules and remounts "
                  "/dev/shm");
        return -EPERM;
}

/* Of the host, with or without a guest. */
static int doctor(const Invocation *i) {
        if (i->repair && geteuid() != 0) {
                log_error("--repair=%s: only root may change the host; run it as root", i->repair);
                return EXIT_NOT_PERMITTED;
        }
        log_set_max_level(LOG_ERR); /* the findings say all of it */
        return i->repair ? doctor_repair(i->repair, i->guest) : doctor_run(i->guest, i->measure);
}

static int plan(const Invocation *i) {
        _cleanup_(config_freep) Config *config = NULL;
        int r = load(i->guest, &config);

        return r == EXIT_DONE ? plan_print(config, i->plan) : r;
}

static int run(const char *guest, char *const *argv) {
        _cleanup_(config_freep) Config *config = NULL;
        _cleanup_(manager_freep) Manager *m = NULL;
        int loaded, r;

        if (places_look(guest, may_be_adopted(guest)) < 0)
                return EXIT_FAILED;
        loaded = load(guest, &config);
        if (loaded != EXIT_DONE && !may_be_adopted(guest))
                return loaded;
        if (check_root() < 0)
                return EXIT_NOT_PERMITTED;
        privileges_begin();
        r = manager_new(guest, argv, TAKE_PTR(config), &m);
        if (r == -ENODATA)
                return loaded;
        return r < 0 ? EXIT_FAILED : manager_run(m);
}

/* Ends a guest that runs without its umld. */
static int stop(const char *guest, char *const *argv, bool kill) {
        _cleanup_(config_freep) Config *config = NULL;
        _cleanup_(manager_freep) Manager *m = NULL;
        int r;

        if (places_look(guest, may_be_adopted(guest)) < 0)
                return EXIT_FAILED;
        if (!may_be_adopted(guest))
                return EXIT_DONE;
        (void) load(guest, &config);
        if (check_root() < 0)
                return EXIT_NOT_PERMITTED;
        privileges_begin();
        r = manager_new(guest, argv, TAKE_PTR(config), &m);
        if (r == -ENODATA || r == -EEXIST) /* it has ended; it has its umld */
                return EXIT_DONE;
        return r < 0 ? EXIT_FAILED : manager_run_to_stop(m, kill);
}

/* ExecStopPost= of the unit: makes way for another umld. If systemd has killed umld because it did
 * not stop the guest in time, the guest has still to be stopped. Otherwise the unit is about to be
 * started again, or no longer has a guest, or systemd stops umld-orphan@.service. */
static int ended(const char *guest, char *const *argv) {
        cgroup_return(true);
        return streq(getenv("SERVICE_RESULT") ?: "", "timeout") ? stop(guest, argv, false)
                                                                : EXIT_DONE;
}

static int obey(const Invocation *i, char *const *argv) {
        switch (i->order) {
        case ORDER_PLAN:
                return plan(i);
        case ORDER_EXAMINE:
                return doctor(i);
        case ORDER_STOP:
        case ORDER_KILL:
                return stop(i->guest, argv, i->order == ORDER_KILL);
        case ORDER_ENDED:
                return ended(i->guest, argv);
        case ORDER_CAN_ADOPT:
                return reexec_check(i->guest);
        case ORDER_RUN:
        default:
                return run(i->guest, argv);
        }
}

int main(int argc, char **argv) {
        Invocation i;
        int r;

        /* Our caller may have left descriptors open or closed, or signals ignored, that we need. */
        r = fd_tidy_inherited();
        if (r < 0) { /* if standard error is closed too, the error cannot be reported */
                dprintf(STDERR_FILENO, "error: umld: cannot open /dev/null: %s\n", strerror(-r));
                return EXIT_FAILED;
        }
        (void) signal(SIGCHLD, SIG_DFL);
        resident_begin();
        log_open("umld");
        if ((r = options_parse(argc, argv, &i)) >= 0)
                return r;
        if (i.order != ORDER_EXAMINE) {
                log_never_wait();
                log_set_error_hook(notify_status); /* umlctl, systemctl show why a start failed */
        }
        if (i.guest ? check_user(i.guest) < 0 : check_directories() < 0)
                return EXIT_USAGE;
        return obey(&i, argv);
}
