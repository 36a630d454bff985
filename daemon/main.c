/* SPDX-License-Identifier: GPL-2.0-or-later */
/* main.c - umld NAME: options, configuration, manager, loop, exit status. */

#include <getopt.h>
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
#include "daemon/doctor/doctor.h"
#include "daemon/doubts.h"
#include "daemon/guest/unconfirmed.h"
#include "daemon/manager.h"
#include "daemon/plan.h"
#include "daemon/privileges.h"
#include "daemon/reexec.h"
#include "daemon/version.h"
#include "host/cgroup-limit.h"
#include "host/resident.h"

static int help(void) {
        printf("umld [OPTIONS] NAME\n\nStarts the User-Mode-Linux guest NAME and keeps it running, "
               "in the foreground.\n\n  -c --check    print what starting the guest would do, and "
               "change nothing\n     --plan     the same, for other programs\n  -d --debug    log "
               "debug messages, too\n     --doctor   check the "
               "host, for the guest NAME or for none\n     --measure  the same, and how fast "
               "guests can be\n     --repair=CHECK  repair what that check of the host has found\n "
               "    --stop     shut the guest down if it runs without its umld; start "
               "none\n "
               " -h "
               "--help     print "
               "this help\n     --version  print the version and the features\n\nSee umld(8), "
               "umld.conf(5) and "
               "umlctl(1).\n");
        return EXIT_DONE;
}

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

/* Of the host, with or without a guest. */
static int doctor(const char *name, bool measure, const char *repair) {
        if (name && !guest_name_valid(name)) {
                log_error("%s: invalid guest name; use 1 to 15 characters of a-z, 0-9 and -, "
                          "beginning with a letter",
                          name);
                return EXIT_USAGE;
        }
        if (check_directories() < 0)
                return EXIT_USAGE;
        if (repair && geteuid() != 0) {
                log_error("--repair=%s: only root may change the host; run it as root", repair);
                return EXIT_NOT_PERMITTED;
        }
        log_set_max_level(LOG_ERR); /* the findings say all of it */
        return repair ? doctor_repair(repair, name) : doctor_run(name, measure);
}

/* ExecStopPost= of the unit. true: its umld has been killed by systemd, because it has not stopped
 * the guest in time; so the guest has still to be stopped. Otherwise the unit is about to be
 * started again, or has no guest any more, or systemd stops umld-orphan@.service. */
static bool after_umld(void) {
        cgroup_return(true);
        return streq(getenv("SERVICE_RESULT") ?: "", "timeout");
}

/* loaded: what became of the configuration. */
static int run(const char *name, char *const *argv, Config *config, int loaded, bool stop) {
        _cleanup_(manager_freep) Manager *m = NULL;
        int r = manager_new(name, argv, config, &m);

        if (r == -ENODATA)
                return stop ? EXIT_DONE : loaded;
        if (r == -EEXIST && stop) /* it has its umld */
                return EXIT_DONE;
        if (r < 0)
                return EXIT_FAILED;
        return stop ? manager_run_to_stop(m) : manager_run(m);
}

int main(int argc, char **argv) {
        static const struct option options[] = {
                { "check", no_argument, NULL, 'c' },        { "doctor", no_argument, NULL, 'D' },
                { "plan", no_argument, NULL, 'P' },         { "measure", no_argument, NULL, 'M' },
                { "repair", required_argument, NULL, 'm' }, { "debug", no_argument, NULL, 'd' },
                { "can-adopt", no_argument, NULL, 'A' },    { "stop", no_argument, NULL, 's' },
                { "ended", no_argument, NULL, 'E' },        { "help", no_argument, NULL, 'h' },
                { "version", no_argument, NULL, 'V' },      {},
        };
        _cleanup_(config_freep) Config *config = NULL;
        PlanForm plan = PLAN_NONE;
        bool can_adopt = false, examine = false, measure = false, stop = false, ended = false;
        const char *repair = NULL;
        int c, r;

        /* Our caller may have left descriptors open or closed, or signals ignored, that we need. */
        r = fd_tidy_inherited();
        if (r < 0) { /* if standard error is closed too, the error cannot be reported */
                dprintf(STDERR_FILENO, "error: umld: cannot open /dev/null: %s\n", strerror(-r));
                return EXIT_FAILED;
        }
        (void) signal(SIGCHLD, SIG_DFL);
        resident_begin();
        log_open("umld");
        while ((c = getopt_long(argc, argv, "cdh", options, NULL)) >= 0) {
                switch (c) {
                case 'c':
                        plan = PLAN_TEXT;
                        break;
                case 'P':
                        plan = PLAN_TABS;
                        break;
                case 'm':
                        repair = optarg;
                        examine = true;
                        break;
                case 'M':
                        measure = true;
                        examine = true;
                        break;
                case 'D':
                        examine = true;
                        break;
                case 'A':
                        can_adopt = true;
                        break;
                case 'E':
                        ended = true;
                        break;
                case 's':
                        stop = true;
                        break;
                case 'd':
                        log_set_max_level(LOG_DEBUG);
                        break;
                case 'h':
                        return help();
                case 'V':
                        return version_print();
                default:
                        return EXIT_USAGE;
                }
        }
        if (examine && argc - optind <= 1)
                return doctor(argv[optind], measure, repair);
        log_never_wait();
        log_set_error_hook(notify_status); /* umlctl and systemctl show why a start failed */
        if (argc - optind != 1) {
                log_error("exactly one guest must be given; see umld --help");
                return EXIT_USAGE;
        }
        if (!guest_name_valid(argv[optind])) {
                log_error("%s: invalid guest name; use 1 to 15 characters of a-z, 0-9 and -, "
                          "beginning with a letter",
                          argv[optind]);
                return EXIT_USAGE;
        }
        if (check_directories() < 0)
                return EXIT_USAGE;
        if (can_adopt)
                return reexec_check(argv[optind]);
        if (ended && !after_umld())
                return EXIT_DONE;
        stop |= ended;
        if (stop && !may_be_adopted(argv[optind]))
                return EXIT_DONE;
        r = load(argv[optind], &config);
        if (r != EXIT_DONE && (plan != PLAN_NONE || !may_be_adopted(argv[optind])))
                return r;
        if (plan != PLAN_NONE)
                return plan_print(config, plan);
        if (geteuid() != 0) {
                log_error("umld must be run as root: it creates a tap, sets firewall rules and "
                          "remounts /dev/shm");
                return EXIT_NOT_PERMITTED;
        }
        privileges_begin();
        return run(argv[optind], argv, TAKE_PTR(config), r, stop);
}
