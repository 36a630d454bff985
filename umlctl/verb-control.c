/* SPDX-License-Identifier: GPL-2.0-or-later */
/* verb-control.c - wait, and what the verbs share that start and end guests. */

#include <stdlib.h>
#include <unistd.h>

#include "api/bus-names.h"
#include "api/exit-codes.h"
#include "api/last-exit.h"
#include "basic/string-util.h"
#include "umlctl/bus-client.h"
#include "umlctl/guests.h"
#include "umlctl/say.h"
#include "umlctl/verbs.h"

static int ask(const char *guest, sd_bus **ret, pid_t *ret_pid, json_t **ret_props) {
        _cleanup_(sd_bus_close_unrefp) sd_bus *bus = NULL;
        usec_t deadline = now_usec(CLOCK_MONOTONIC) + BUS_ANSWER_LIMIT;
        json_t *props = NULL;
        int r;

        r = bus_connect(guest, BUS_ANSWER_LIMIT, &bus, ret_pid);
        if (r < 0)
                return r;
        r = bus_get_properties(bus, MAX(usec_sub(deadline, now_usec(CLOCK_MONOTONIC)), (usec_t) 1),
                               &props);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(bus);
        *ret_props = props;
        return 0;
}

/* An umld that executes its successor hangs up; that one can be reached at once. */
int control_ask(const char *guest, sd_bus **ret, pid_t *ret_pid, json_t **ret_props) {
        int r = ask(guest, ret, ret_pid, ret_props);

        return r == -ECONNRESET ? ask(guest, ret, ret_pid, ret_props) : r;
}

/* The successor has not heard of it. */
static int order_again(const char *guest, const char *method, sd_bus_error *error) {
        _cleanup_(sd_bus_close_unrefp) sd_bus *bus = NULL;
        pid_t pid;
        int r = bus_connect(guest, BUS_ANSWER_LIMIT, &bus, &pid);

        sd_bus_error_free(error);
        if (r == -ENOENT) /* it has no successor */
                return -ECONNRESET;
        return r < 0 ? r : bus_call_method(bus, method, error);
}

bool control_running(const char *guest) {
        _cleanup_(sd_bus_close_unrefp) sd_bus *bus = NULL;
        json_t *props = NULL;
        pid_t pid;
        int r;

        if (!guest_has_socket(guest))
                return false;
        r = control_ask(guest, &bus, &pid, &props);
        json_decref(props);
        return r >= 0 || r == -EACCES || r == -ETIMEDOUT;
}

int control_order(sd_bus *bus, const char *guest, const char *method) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        bool ends = streq(method, UMLD_METHOD_STOP) || streq(method, UMLD_METHOD_KILL);
        int r;

        if (!ends)
                bus_hand_over_session(bus);
        r = bus_call_method(bus, method, &error);
        if (r == -ECONNRESET)
                r = order_again(guest, method, &error);
        if (r >= 0 || (ends && r == -ECONNRESET))
                return EXIT_DONE;
        if (sd_bus_error_has_name(&error, UMLD_ERROR_BUSY) && !streq(method, UMLD_METHOD_RELOAD))
                return EXIT_DONE;
        return fail_with(bus_error_exit_code(&error, r), "%s: %s refused: %s", guest, method,
                         error.message ?: strerror(-r));
}

int control_wait_failed(const char *guest, const Waiter *w, int r, const char *expected) {
        if (w && r == -EINTR) {
                note("%s: no longer waiting; umld continues (umlctl status %s)", guest, guest);
                return 128 + w->signal; /* as a shell reports it */
        }
        if (w && w->error < 0 && (r == -EACCES || r == -ETIMEDOUT))
                return bus_connect_fail(guest, w->error, w->pid);
        if (r == -ETIMEDOUT)
                return fail_with(EXIT_FAILED,
                                 "%s is not %s yet; umld keeps trying (umlctl status %s)", guest,
                                 expected, guest);
        return fail_with(EXIT_FAILED, "%s: cannot wait: %s", guest, strerror(-r));
}

char *control_last_exit(const char *guest) {
        _cleanup_(last_exit_done) LastExit e = {};

        if (last_exit_read(guest, &e) < 0 || e.verdict == VERDICT_NONE)
                return strdup("");
        return strfmt("%s%s%s", verdict_to_string(e.verdict), e.detail ? ": " : "", e.detail ?: "");
}

char *control_end(const Waiter *w) {
        const char *verdict = prop_string(w->props, UMLD_PROP_LAST_VERDICT);
        const char *detail = prop_string(w->props, UMLD_PROP_LAST_DETAIL);

        if (isempty(verdict))
                return control_last_exit(w->name);
        return strfmt("%s%s%s", verdict, isempty(detail) ? "" : ": ", detail ?: "");
}

enum {
        WAIT_REACHED = 1,
        WAIT_IMPOSSIBLE,
};

/* Do the files that umld left say that this guest cannot be started? */
static bool left_failed(const char *guest) {
        _cleanup_(last_exit_done) LastExit e = {};

        return last_exit_read(guest, &e) >= 0 && e.state == GUEST_FAILED;
}

static int check_running(Waiter *w, void *userdata) {
        GuestState state = waiter_state(w);

        if (w->error == -EACCES)
                return w->error;
        if (state == GUEST_RUNNING)
                return WAIT_REACHED;
        /* Only a failure that we saw counts: an older one may have been fixed by now. */
        if (state == GUEST_FAILED || (w->gone && left_failed(w->name)))
                return WAIT_IMPOSSIBLE;
        return 0;
}

static int check_stopped(Waiter *w, void *userdata) {
        GuestState state = waiter_state(w);

        if (w->error == -EACCES)
                return w->error;
        if (state == GUEST_STOPPED || state == GUEST_FAILED || w->gone)
                return WAIT_REACHED;
        return !w->seen && w->error == 0 ? WAIT_REACHED : 0;
}

int verb_wait(const Options *o, const char *guest) {
        const char *expected = guest_state_to_string(o->wait_for);
        _cleanup_(waiter_freep) Waiter *w = NULL;
        int r;

        r = waiter_new(guest, o, o->wait_for == GUEST_RUNNING ? check_running : check_stopped, NULL,
                       &w);
        if (r >= 0)
                r = waiter_run(w);
        if (r == WAIT_IMPOSSIBLE) {
                _cleanup_free_ char *why = control_end(w);

                return fail_with(EXIT_FAILED, "%s cannot be started: %s", guest,
                                 isempty(why) ? "it failed" : why);
        }
        if (r == -ETIMEDOUT && !w->bus && w->error == 0)
                return fail_with(EXIT_FAILED,
                                 "%s is not %s: its umld is not running (umlctl start %s)", guest,
                                 expected, guest);
        return r < 0 ? control_wait_failed(guest, w, r, expected) : EXIT_DONE;
}
