/* SPDX-License-Identifier: GPL-2.0-or-later */
/* heartbeat.c - grades the health of a guest's kernel. */

#include "daemon/watch/heartbeat.h"

/* A fork bomb in the guest delays responses by up to 0.4 s (UML-measured), other loads by far less.
 */
#define BUSY_LATENCY (500 * USEC_PER_MSEC)

enum {
        /* A kernel that does not read has space for eleven datagrams (UML-measured): the commands
           of a stop must still fit. More than one, because a response may get lost. */
        OUTSTANDING_MAX = 3,
};

/* Why it cannot be blamed for not responding at this moment; HEALTH_UNKNOWN: it can. */
static GuestHealth excuse(const Heartbeat *h, const HeartbeatSight *seen) {
        if (seen->process_state == 'T' || seen->process_state == 't')
                return HEALTH_STOPPED;
        if (h->due > 0 && usec_sub(seen->now, h->due) > HOST_LATE_MAX)
                return HEALTH_STARVED;
        /* It waits for the host's disk or is frozen, or wants to run and was not scheduled. */
        if (seen->process_state == 'D' ||
            (seen->process_state == 'R' && h->previous > 0 && seen->cpu == h->cpu))
                return HEALTH_STARVED;
        return HEALTH_UNKNOWN;
}

/* Time since the last tick or, if that was later, since the request. */
static usec_t time_unanswered(const Heartbeat *h, usec_t now) {
        return h->asked == 0 ? 0 : usec_sub(now, MAX(h->asked, h->previous));
}

static GuestHealth grade(const Heartbeat *h, const HeartbeatRule *rule, GuestHealth excused) {
        if (excused != HEALTH_UNKNOWN && (h->asked > 0 || excused == HEALTH_STOPPED))
                return excused;
        if (h->asked == 0)
                return h->health == HEALTH_UNKNOWN  ? HEALTH_UNKNOWN
                       : h->latency >= BUSY_LATENCY ? HEALTH_BUSY
                                                    : HEALTH_GOOD;
        return h->silent >= rule->timeout ? HEALTH_HUNG : HEALTH_STALLED;
}

/* The next check, earlier if the patience ends before. */
static usec_t next_due(const Heartbeat *h, const HeartbeatRule *rule, usec_t now) {
        usec_t left = usec_sub(rule->timeout, h->silent);

        return usec_add(now, left > 0 ? MIN(rule->check, left) : rule->check);
}

HeartbeatAdvice heartbeat_tick(Heartbeat *h, const HeartbeatRule *rule,
                               const HeartbeatSight *seen) {
        GuestHealth excused = excuse(h, seen);

        /* An interval counts only if there is no excuse at either end. */
        if (excused == HEALTH_UNKNOWN && !h->unfair)
                h->silent = usec_add(h->silent, time_unanswered(h, seen->now));
        h->unfair = excused != HEALTH_UNKNOWN;
        h->health = grade(h, rule, excused);
        h->previous = seen->now;
        h->cpu = seen->cpu;
        h->due = next_due(h, rule, seen->now);
        if (h->health == HEALTH_HUNG)
                return HEARTBEAT_HUNG;
        return h->outstanding < OUTSTANDING_MAX ? HEARTBEAT_ASK : HEARTBEAT_WAIT;
}

void heartbeat_asked(Heartbeat *h, usec_t now, bool queued) {
        if (h->asked == 0)
                h->asked = now;
        if (queued)
                h->outstanding++;
}

void heartbeat_answered(Heartbeat *h, usec_t now) {
        if (h->asked > 0) /* otherwise it is late: an earlier one was for the same silence */
                h->latency = usec_sub(now, h->asked);
        h->asked = h->silent = 0;
        h->outstanding = 0;
        h->health = h->latency >= BUSY_LATENCY ? HEALTH_BUSY : HEALTH_GOOD;
}
