/* SPDX-License-Identifier: GPL-2.0-or-later */
/* state.c - sets the state of a guest, and announces it. */

#include "basic/log.h"
#include "daemon/guest/parts.h"

static int state_log_level(const Guest *g, GuestState to) {
        bool wished = g->past.last_exit.verdict == VERDICT_STOPPED ||
                      g->past.last_exit.verdict == VERDICT_REBOOT;

        if (to == GUEST_FAILED)
                return LOG_ERR;
        if (to == GUEST_STOPPING &&
            g->end_why) /* it lasts a few milliseconds, and the next line says why */
                return LOG_DEBUG;
        return to == GUEST_BACKOFF && !wished ? LOG_WARNING : LOG_INFO;
}

/* Clients of the console are told why it is silent, and what comes next. */
static void tell_console(Guest *g, const char *why) {
        _cleanup_free_ char *text = strfmt("%s: %s", guest_state_to_string(g->state), why);

        if (text)
                console_clients_notice(console_clients(g->console), text);
}

usec_t guest_down_time(const Guest *g) {
        usec_t here = usec_sub(now_usec(g->since.clock), g->since.at);

        return g->state == GUEST_RUNNING ? g->past.down : usec_add(g->past.down, here);
}

void guest_set_state(Guest *g, GuestState to, const char *why) {
        GuestState from = g->state;

        g->past.down = guest_down_time(g);
        g->state = to;
        guest_follow_hold(g);
        g->since = moment_after(CLOCK_BOOTTIME, 0);
        (void) free_and_strdup(&g->why, why);
        log_full(state_log_level(g, to), "%s -> %s: %s", guest_state_to_string(from),
                 guest_state_to_string(to), why);
        tell_console(g, why);
        guest_tell_waits(g);
        guest_keep(g);
        g->listener.state_changed(from, to, why, g->listener.userdata);
}

static const char *explain_wait(const Guest *g, const char *why, char **buf) {
        if (g->past.delay == 0)
                return why;
        *buf = strfmt("%s; next start in %s", why, FORMAT_TIMESPAN(g->past.delay));
        return *buf ?: why;
}

void guest_event(Guest *g, GuestEvent event, const char *why) {
        GuestTransition t = guest_fsm(g->state, event);
        _cleanup_free_ char *buf = NULL;

        if (t.action == ACT_IGNORE)
                return;
        if (t.action == ACT_WAIT)
                why = explain_wait(g, why, &buf);
        if (t.action == ACT_UNDO || t.action == ACT_UNDO_FAULT)
                (void) free_and_strdup(&g->end_why, why);
        if (t.next != g->state)
                guest_set_state(g, t.next, isempty(why) ? "restart delay is over" : why);
        g->act(g, t.action);
}
