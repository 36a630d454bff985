/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Again or not, and when: a pure function of the verdict, the configuration and a bounded history
 * of deaths. */

#include "api/guest-state.h"
#include "basic/time-util.h"
#include "conf/config.h"

typedef enum RestartDecision {
        DECIDE_AGAIN, /* start it again at the time given */
        DECIDE_DONE,  /* it may stay down */
        DECIDE_FAULT, /* a retry would only fail again, or none is wanted after a crash */
} RestartDecision;

/* The deaths since the guest was last healthy. */
typedef struct DeathHistory {
        unsigned quick; /* deaths in a row, each after a run shorter than RestartReset */
} DeathHistory;

typedef struct RestartRule {
        RestartWhen when;
        usec_t delay, delay_max, reset; /* RestartDelay, RestartDelayMax, RestartReset */
} RestartRule;

/* Is this verdict a crash, an order, or a fault? */
RestartDecision restart_decide(Verdict v, GuestWanted wanted, RestartWhen when);

/* Is such an end worth a report: neither the guest's wish nor an order? */
bool restart_is_crash(Verdict v);

/* Notes a death after that run time and returns the delay before the next start: `delay` for the
 * first death, then at least 1 s, 2 s, 4 s … up to delay_max. A run of `reset` or longer forgets
 * the deaths before it. */
usec_t restart_delay(DeathHistory *history, const RestartRule *rule, usec_t run_time);
