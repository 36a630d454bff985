/* SPDX-License-Identifier: GPL-2.0-or-later */
/* verb-stop.c - stop and kill, also of a guest that runs without its umld. */

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#include "api/bus-names.h"
#include "api/exit-codes.h"
#include "basic/process.h"
#include "basic/string-util.h"
#include "umlctl/bus-client.h"
#include "umlctl/guests.h"
#include "umlctl/orphan.h"
#include "umlctl/say.h"
#include "umlctl/systemd-manager.h"
#include "umlctl/verbs.h"

static void say_stopped(const Options *o, const char *guest) {
        if (!o->quiet)
                printf("%s is stopped\n", guest);
}

/* ---- umld's keeper, which ends just after it ---- */

enum {
        KEEPER_END_MSEC = 1000,
        KEEPER_LOOK_MSEC = 2,
};

typedef struct KeeperId {
        pid_t pid; /* 0: there is none */
        uint64_t started;
} KeeperId;

static KeeperId keeper_of(pid_t umld) {
        KeeperId k = { .pid = umld > 0 ? process_parent(umld) : 0 };
        char comm[16];

        if (k.pid <= 1 || !streq(process_comm(k.pid, comm), "umld-keeper") ||
            process_start_time(k.pid, &k.started) < 0)
                return (KeeperId){};
        return k;
}

/* So that nothing is left when we say that the guest is stopped. An umld that fails to stop is
 * started again by its keeper, which is none of our business. */
static void wait_for_keeper(const KeeperId *k) {
        uint64_t started;

        for (int msec = 0; k->pid && msec < KEEPER_END_MSEC; msec += KEEPER_LOOK_MSEC) {
                if (process_start_time(k->pid, &started) < 0 || started != k->started)
                        return;
                (void) poll(NULL, 0, KEEPER_LOOK_MSEC);
        }
}

/* ---- an end ---- */

static int check_gone(Waiter *w, void *userdata) {
        return w->gone;
}

static int end_by_bus(const Options *o, const char *guest, const char *method);

static int check_served(Waiter *w, void *userdata) {
        return w->bus || !guest_locked(w->name) || guest_orphaned(w->name);
}

/* Another umld may have taken it over just before ours, which has left it alone then. */
static int end_orphan(const Options *o, const char *guest, const char *method) {
        _cleanup_(waiter_freep) Waiter *w = NULL;
        int r = orphan_end(o, guest, method);

        if (r != EXIT_DONE || o->no_wait)
                return r;
        r = waiter_new(guest, o, check_served, NULL, &w);
        if (r >= 0)
                r = waiter_run(w);
        if (r < 0)
                return control_wait_failed(guest, w, r, "stopped");
        if (w->bus)
                return end_by_bus(o, guest, method);
        if (guest_orphaned(guest))
                return fail_with(EXIT_FAILED,
                                 "%s still runs without its umld, and could not be taken over to "
                                 "end it (umlctl status %s)",
                                 guest, guest);
        say_stopped(o, guest);
        return EXIT_DONE;
}

static int end_by_bus(const Options *o, const char *guest, const char *method) {
        _cleanup_(sd_bus_close_unrefp) sd_bus *bus = NULL;
        _cleanup_(waiter_freep) Waiter *w = NULL;
        json_auto_t *props = NULL;
        KeeperId keeper;
        pid_t pid = 0;
        int r;

        r = control_ask(guest, &bus, &pid, &props);
        if (r == -ENOENT && guest_orphaned(guest))
                return end_orphan(o, guest, method);
        if (r == -ENOENT) {
                note("%s is not running", guest);
                return EXIT_DONE;
        }
        if (r < 0)
                return bus_connect_fail(guest, r, pid);
        keeper = keeper_of(pid);
        /* Determines the process before it is told to exit. */
        r = waiter_new(guest, o, check_gone, NULL, &w);
        if (r >= 0)
                r = waiter_adopt(w, TAKE_PTR(bus), pid);
        if (r < 0)
                return control_wait_failed(guest, w, r, "stopped");
        r = control_order(w->bus, guest, method);
        if (r != EXIT_DONE || o->no_wait)
                return r;
        r = waiter_run(w);
        if (r < 0)
                return control_wait_failed(guest, w, r, "stopped");
        wait_for_keeper(&keeper);
        say_stopped(o, guest);
        return EXIT_DONE;
}

static int check_job(Waiter *w, void *userdata) {
        const ManagerJob *job = userdata;

        return job->result || job->lost;
}

static int stop_unit(const Options *o, const char *guest, sd_bus *manager) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_(manager_job_done) ManagerJob job = {};
        _cleanup_(waiter_freep) Waiter *w = NULL;
        int r;

        r = waiter_new(guest, o, check_job, &job, &w);
        if (r < 0)
                return control_wait_failed(guest, w, r, "stopped");
        r = manager_job(manager, o->no_wait ? NULL : w, "StopUnit", guest, &job, &error);
        if (r < 0)
                return fail_with(bus_error_exit_code(&error, r),
                                 "%s: systemd refused to stop it: %s", guest,
                                 error.message ?: strerror(-r));
        if (o->no_wait)
                return EXIT_DONE;
        r = waiter_run(w);
        if (r < 0)
                return control_wait_failed(guest, w, r, "stopped");
        if (job.lost || !streq(job.result, "done"))
                return fail_with(EXIT_FAILED,
                                 "%s: systemd could not stop it: %s (systemctl status %s)", guest,
                                 job.result ?: "lost the connection to systemd", job.unit);
        if (guest_orphaned(guest) || control_running(guest)) /* its umld had died meanwhile */
                return end_by_bus(o, guest, UMLD_METHOD_STOP);
        say_stopped(o, guest);
        return EXIT_DONE;
}

int verb_stop(const Options *o, const char *guest) {
        _cleanup_(sd_bus_close_unrefp) sd_bus *manager = NULL;
        _cleanup_free_ char *unit = manager_unit(guest);

        /* An umld that systemd did not start is asked directly, and so is any if systemd cannot be
         * reached. */
        if (unit && manager_usable() && manager_open(&manager) >= 0 &&
            manager_unit_busy(manager, unit) > 0)
                return stop_unit(o, guest, manager);
        return end_by_bus(o, guest, UMLD_METHOD_STOP);
}

int verb_kill(const Options *o, const char *guest) {
        return end_by_bus(o, guest, UMLD_METHOD_KILL);
}
