/* SPDX-License-Identifier: GPL-2.0-or-later */
/* timer.c - the timer of the current state. */

#include "basic/log.h"
#include "daemon/base/notify.h"
#include "daemon/guest/parts.h"
#include "daemon/watch/heartbeat.h"

/* If the host was frozen or suspended, the guest had no time either, so the timeout is extended by
 * what it missed, at most by the whole timeout. */
static void wait_fairly(Guest *g, usec_t late) {
        log_notice("%s: umld was not scheduled for %s, so the timeout is extended",
                   guest_state_to_string(g->state),
                   FORMAT_TIMESPAN(late / USEC_PER_MSEC * USEC_PER_MSEC));
        if (g->state == GUEST_STOPPING || !g->past.announced)
                notify_extend_timeout(usec_add(g->timer.patience, 10 * USEC_PER_SEC));
        g->stop.began = usec_add(g->stop.began, late);
        g->stop.due = usec_add(g->stop.due, late);
        guest_arm_timer(g, MIN(late, g->timer.patience));
}

static int on_timer(sd_event_source *s, uint64_t usec, void *userdata) {
        usec_t late = usec_sub(now_usec(CLOCK_MONOTONIC), usec);
        Guest *g = userdata;

        if (late > HOST_LATE_MAX && g->state != GUEST_BACKOFF)
                wait_fairly(g, late);
        else
                guest_event(g, EV_TIMER, "");
        return 0;
}

static int on_due(sd_event_source *s, void *userdata) {
        guest_event(userdata, EV_TIMER, "");
        return 0;
}

static int finish_source(int r, sd_event_source *s, const char *description) {
        if (r < 0)
                return r;
        (void) sd_event_source_set_description(s, description);
        return sd_event_source_set_priority(s, SD_EVENT_PRIORITY_IMPORTANT);
}

/* At once and without a timer: programming that of the host would take longer than many a restart.
 */
static int arm_at_once(Guest *g) {
        int r;

        if (g->timer.now)
                return sd_event_source_set_enabled(g->timer.now, SD_EVENT_ONESHOT);
        r = sd_event_add_defer(g->event, &g->timer.now, on_due, g);
        return finish_source(r, g->timer.now, "guest-due");
}

static int arm_later(Guest *g, usec_t delay) {
        usec_t at = usec_add(now_usec(CLOCK_MONOTONIC), delay);
        int r;

        if (!g->timer.later) {
                r = sd_event_add_time(g->event, &g->timer.later, CLOCK_MONOTONIC, at, 1, on_timer,
                                      g);
                return finish_source(r, g->timer.later, "guest-timer");
        }
        r = sd_event_source_set_time(g->timer.later, at);
        return r < 0 ? r : sd_event_source_set_enabled(g->timer.later, SD_EVENT_ONESHOT);
}

void guest_arm_timer(Guest *g, usec_t delay) {
        int r;

        guest_disarm_timer(g);
        g->timer.patience = delay;
        r = delay == 0 ? arm_at_once(g) : arm_later(g, delay);
        if (r < 0) {
                log_error_errno(r, "cannot set a timer: %m");
                (void) sd_event_exit(g->event, r);
        }
}

void guest_disarm_timer(Guest *g) {
        if (g->timer.later)
                (void) sd_event_source_set_enabled(g->timer.later, SD_EVENT_OFF);
        if (g->timer.now)
                (void) sd_event_source_set_enabled(g->timer.now, SD_EVENT_OFF);
}
