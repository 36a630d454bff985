/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Whether and when to restart: a pure function of the verdict, the configuration and a bounded
 * history of deaths. */

#include "api/guest-state.h"
#include "basic/time-util.h"
#include "conf/config.h"

typedef enum RestartDecision {
        DECIDE_AGAIN, /* restart it at the given time */
        DECIDE_DONE,  /* it may stay down */
        DECIDE_FAULT, /* a retry would fail again, or is not wanted after a crash */
} RestartDecision;

/* The deaths since the guest was last healthy. */
typedef struct DeathHistory {
        unsigned quick; /* consecutive deaths, each after a run shorter than RestartReset */
} DeathHistory;

typedef struct RestartRule {
        RestartWhen when;
        usec_t delay, delay_max, reset; /* RestartDelay, RestartDelayMax, RestartReset */
} RestartRule;

/* Is this verdict a crash, the result of a request, or a fault? */
RestartDecision restart_decide(Verdict v, GuestWanted wanted, RestartWhen when);

/* Does such an end need a report, being neither the guest's own wish nor a request? */
bool restart_is_crash(Verdict v);

/* Records a death after that run time and returns the delay before the next start: `delay` for the
 * first death, then at least 1 s, 2 s, 4 s … up to delay_max. A run of `reset` or longer resets the
 * delay. */
usec_t restart_delay(DeathHistory *history, const RestartRule *rule, usec_t run_time);
