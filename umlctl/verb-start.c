/* SPDX-License-Identifier: GPL-2.0-or-later */
/* verb-start.c - start and restart: three ways to get a guest up, and one way to wait for it. */

#include <stdio.h>

#include "api/bus-names.h"
#include "api/exit-codes.h"
#include "basic/string-util.h"
#include "umlctl/bus-client.h"
#include "umlctl/detach.h"
#include "umlctl/doctor.h"
#include "umlctl/programs.h"
#include "umlctl/say.h"
#include "umlctl/ssh-session.h"
#include "umlctl/status-value.h"
#include "umlctl/systemd-manager.h"
#include "umlctl/verbs.h"

#define BACKOFF_SEEN (200 * USEC_PER_MSEC)
#define WARNING_MAX  1000 /* of one sentence */

/* The possible results of waiting for a guest to come up. */
enum {
        UP = 1,
        DYING,     /* it died, and umld will retry */
        FAILED,    /* it died, and umld will not retry */
        GONE,      /* umld ended */
        JOB_ENDED, /* the systemd job has ended, successfully or not */
};

typedef struct Start {
        ManagerJob *job;    /* NULL: not started by systemd */
        Detached *detached; /* NULL: not our child */
        usec_t old_since;   /* a state entered at this time or before is from before the request */
} Start;

/* Is the guest in back-off after an unexpected death? The first start after a failure and a restart
 * pass through that state only briefly. */
static bool backs_off(const json_t *props) {
        const char *verdict = prop_string(props, UMLD_PROP_LAST_VERDICT);

        return prop_number(props, UMLD_PROP_NEXT_START) > now_usec(CLOCK_REALTIME) + BACKOFF_SEEN &&
               !(verdict && streq(verdict, verdict_to_string(VERDICT_STOPPED)));
}

static int check_up(Waiter *w, void *userdata) {
        const Start *s = userdata;
        bool alone = !s->job && !s->detached; /* only umld itself can tell how it went */
        GuestState state = waiter_state(w);

        if (s->job && (s->job->result || s->job->lost))
                return JOB_ENDED;
        if (s->detached && s->detached->ready)
                return UP;
        if (s->detached && s->detached->ended)
                return GONE;
        if (w->gone && alone)
                return GONE;
        if (prop_number(w->props, UMLD_PROP_SINCE) == s->old_since)
                return 0;
        if (state == GUEST_RUNNING && !s->job)
                return UP;
        if (state == GUEST_BACKOFF && backs_off(w->props))
                return DYING;
        return state == GUEST_FAILED && alone ? FAILED : 0;
}

/* What of the host is in its way although it is running. */
static void say_warnings(const char *guest) {
        _cleanup_(sd_bus_close_unrefp) sd_bus *bus = NULL;
        json_auto_t *props = NULL;
        const json_t *text;
        pid_t pid;
        size_t i;

        if (control_ask(guest, &bus, &pid, &props) < 0)
                return;
        json_array_foreach(json_object_get(props, UMLD_PROP_WARNINGS), i, text) {
                _cleanup_free_ char *safe = safe_text(json_string_value(text), WARNING_MAX);

                note("%s: warning: %s", guest, safe ?: "");
        }
}

static int say_up(const Options *o, const char *guest) {
        if (!o->quiet) {
                printf("%s is running\n", guest);
                fflush(stdout);
        }
        say_warnings(guest);
        return EXIT_DONE;
}

/* The cause may be something that umld has seen only the symptom of. */
static int say_failure(const char *guest, int code, char *message) {
        _cleanup_free_ char *text = message;

        (void) fail_with(code, "%s", text ?: "out of memory");
        doctor_say_faults(guest, text);
        return code;
}

static int say_dying(const Waiter *w) {
        _cleanup_free_ char *why = control_end(w), *until = NULL;

        until = status_until_text(prop_number(w->props, UMLD_PROP_NEXT_START),
                                  now_usec(CLOCK_REALTIME));
        return say_failure(
                w->name, EXIT_FAILED,
                strfmt("%s failed to start: %s; umld will retry %s (to give up: umlctl stop %s)",
                       w->name, isempty(why) ? "it died" : why, until ?: "soon", w->name));
}

static int say_failed(const Waiter *w) {
        _cleanup_free_ char *why = control_end(w);

        return say_failure(
                w->name, EXIT_FAILED,
                strfmt("%s failed to start: %s", w->name, isempty(why) ? "umld ended" : why));
}

static int say_detached_failed(const char *guest, const Detached *d) {
        _cleanup_free_ char *why = detach_reason(d);

        return say_failure(
                guest, detach_exit_code(d),
                strfmt("%s failed to start: %s (log: %s)", guest, why ?: "out of memory", d->log));
}

static int say_job_ended(const Options *o, const char *guest, sd_bus *manager,
                         const ManagerJob *job) {
        _cleanup_(manager_failure_done) ManagerFailure f = {};
        _cleanup_free_ char *last = NULL;

        if (!job->lost && streq(job->result, "done"))
                return say_up(o, guest);
        if (job->lost)
                return fail_with(EXIT_FAILED,
                                 "%s: lost the connection to systemd (systemctl status %s)", guest,
                                 job->unit);
        manager_failure_read(manager, job->unit, &f);
        last = control_last_exit(guest);
        return say_failure(guest, f.exit_status == EXIT_USAGE ? EXIT_USAGE : EXIT_FAILED,
                           strfmt("%s failed to start: %s (journalctl -u %s)", guest,
                                  !isempty(f.status_text) ? f.status_text
                                  : !isempty(last)        ? last
                                  : !isempty(f.result)    ? f.result
                                                          : job->result,
                                  job->unit));
}

/* An umld started by systemd does not have our environment. */
static void hand_over_session(const char *guest) {
        _cleanup_(sd_bus_close_unrefp) sd_bus *bus = NULL;
        pid_t pid;

        if (bus_connect(guest, BUS_ANSWER_LIMIT, &bus, &pid) >= 0)
                bus_hand_over_session(bus);
}

static int start_by_manager(const Options *o, const char *guest) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_(sd_bus_close_unrefp) sd_bus *manager = NULL;
        _cleanup_(manager_job_done) ManagerJob job = {};
        _cleanup_(waiter_freep) Waiter *w = NULL;
        Start s = { .job = &job };
        int r;

        r = manager_open(&manager);
        if (r < 0)
                return fail_with(bus_error_exit_code(NULL, r), "%s: cannot connect to systemd: %s",
                                 guest, strerror(-r));
        r = waiter_new(guest, o, check_up, &s, &w);
        if (r < 0)
                return control_wait_failed(guest, w, r, "running");
        manager_follow(manager, guest);
        r = manager_job(manager, o->no_wait ? NULL : w, "StartUnit", guest, &job, &error);
        if (r < 0)
                return fail_with(bus_error_exit_code(&error, r),
                                 "%s: systemd refused to start it: %s", guest,
                                 error.message ?: strerror(-r));
        if (o->no_wait)
                return EXIT_DONE;
        r = waiter_run(w);
        if (r < 0)
                return control_wait_failed(guest, w, r, "running");
        hand_over_session(guest);
        return r == DYING ? say_dying(w) : say_job_ended(o, guest, manager, &job);
}

/* d is NULL for an umld that we did not start. */
static int wait_until_up(const Options *o, const char *guest, Waiter *w, const Detached *d) {
        int r = waiter_run(w);

        if (r < 0)
                return control_wait_failed(guest, w, r, "running");
        switch (r) {
        case UP:
                return say_up(o, guest);
        case DYING:
                return say_dying(w);
        default:
                return d ? say_detached_failed(guest, d) : say_failed(w);
        }
}

static int start_detached(const Options *o, const char *guest) {
        _cleanup_(detach_done) Detached d = DETACHED_INIT;
        _cleanup_(waiter_freep) Waiter *w = NULL;
        _cleanup_free_ char *keeper = NULL, *umld = NULL, *session = ssh_session_find();
        Start s = { .detached = &d };
        int r;

        if (session)
                (void) setenv("SSH_CONNECTION", session, true); /* for umld */

        r = waiter_new(guest, o, check_up, &s, &w);
        if (r < 0)
                return control_wait_failed(guest, w, r, "running");
        r = program_find(PROGRAM_UMLD, &umld);
        if (r >= 0)
                r = program_find(PROGRAM_KEEPER, &keeper);
        if (r >= 0) {
                char *const argv[] = { (char *) "umld-keeper", umld, (char *) guest, NULL };

                r = detach_start(keeper, argv, guest, w, &d);
        }
        if (r < 0)
                return fail_with(bus_error_exit_code(NULL, r), "%s: cannot start umld%s%s: %s",
                                 guest, d.log ? ", log " : "", d.log ?: "", strerror(-r));
        if (o->no_wait)
                return EXIT_DONE;
        return wait_until_up(o, guest, w, &d);
}

static int start_new(const Options *o, const char *guest) {
        return manager_usable() ? start_by_manager(o, guest) : start_detached(o, guest);
}

/* Asks a running umld to start its guest (method NULL: it is already doing so), and waits. */
static int start_by_bus(const Options *o, const char *guest, sd_bus *bus, pid_t pid,
                        const json_t *props, const char *method) {
        _cleanup_(waiter_freep) Waiter *w = NULL;
        Start s = {};
        int r;

        if (method)
                s.old_since = prop_number(props, UMLD_PROP_SINCE);
        r = waiter_new(guest, o, check_up, &s, &w);
        if (r >= 0)
                r = waiter_adopt(w, sd_bus_ref(bus), pid);
        if (r < 0)
                return control_wait_failed(guest, w, r, "running");
        if (method) {
                r = control_order(bus, guest, method);
                if (r != EXIT_DONE)
                        return r;
        }
        if (o->no_wait)
                return EXIT_DONE;
        return wait_until_up(o, guest, w, NULL);
}

static int check_gone(Waiter *w, void *userdata) {
        return w->gone;
}

/* Waits until an umld that is shutting down has ended, then starts a new one. */
static int start_after(const Options *o, const char *guest, sd_bus *bus, pid_t pid) {
        _cleanup_(waiter_freep) Waiter *w = NULL;
        int r;

        r = waiter_new(guest, o, check_gone, NULL, &w);
        if (r >= 0)
                r = waiter_adopt(w, sd_bus_ref(bus), pid);
        if (r >= 0)
                r = waiter_run(w);
        if (r < 0)
                return control_wait_failed(guest, w, r, "stopped");
        return start_new(o, guest);
}

static bool wanted_up(const json_t *props) {
        const char *wanted = prop_string(props, UMLD_PROP_WANTED);

        return wanted && streq(wanted, guest_wanted_to_string(WANTED_UP));
}

int verb_start(const Options *o, const char *guest) {
        _cleanup_(sd_bus_close_unrefp) sd_bus *bus = NULL;
        json_auto_t *props = NULL;
        const char *name;
        pid_t pid = 0;
        int r;

        /* As with systemctl enable --now: a guest that fails to start now is tried at the next
         * boot, too. */
        if (o->enable) {
                r = boot_set_enabled(o, guest, true);
                if (r != EXIT_DONE)
                        return r;
        }
        r = control_ask(guest, &bus, &pid, &props);
        if (r == -ENOENT)
                return start_new(o, guest);
        if (r < 0)
                return bus_connect_fail(guest, r, pid);
        name = prop_string(props, UMLD_PROP_STATE) ?: "";
        switch (guest_state_from_string(name)) {
        case GUEST_RUNNING:
                note("%s is already running", guest);
                return EXIT_DONE;
        case GUEST_PREPARING:
        case GUEST_BOOTING:
                return start_by_bus(o, guest, bus, pid, props, NULL);
        case GUEST_STOPPING:
                return wanted_up(props) ? start_by_bus(o, guest, bus, pid, props, NULL)
                                        : start_after(o, guest, bus, pid);
        case GUEST_BACKOFF:
        case GUEST_STOPPED:
        case GUEST_FAILED:
                return start_by_bus(o, guest, bus, pid, props, UMLD_METHOD_START);
        case GUEST_STATE_MAX:
        case GUEST_STATE_INVALID:
        default:
                return fail_with(EXIT_FAILED,
                                 "%s: umld reports a state that this umlctl does not know: %s",
                                 guest, name);
        }
}

int verb_restart(const Options *o, const char *guest) {
        _cleanup_(sd_bus_close_unrefp) sd_bus *bus = NULL;
        json_auto_t *props = NULL;
        pid_t pid = 0;
        int r;

        r = control_ask(guest, &bus, &pid, &props);
        if (r == -ENOENT)
                return start_new(o, guest);
        if (r < 0)
                return bus_connect_fail(guest, r, pid);
        if (!wanted_up(props))
                return verb_start(o, guest);
        return start_by_bus(o, guest, bus, pid, props, UMLD_METHOD_RESTART);
}
