/* SPDX-License-Identifier: GPL-2.0-or-later */
/* restart-policy.c - decides whether and when to restart after a death. */

#include "daemon/base/restart-policy.h"

typedef enum DeathKind {
        KIND_NOTHING,
        KIND_OFF,     /* the guest powered itself off: restart only with Restart=always */
        KIND_REBOOT,  /* the guest asked for a reboot: always restart */
        KIND_ORDERED, /* umld ended it: restart if the guest is wanted up */
        KIND_CRASH,   /* crash: restart unless Restart=no */
        KIND_FAULT,   /* fault: no retry can fix it */
} DeathKind;

static const DeathKind kinds[] = {
        [VERDICT_NONE] = KIND_NOTHING,  [VERDICT_POWEROFF] = KIND_OFF,
        [VERDICT_REBOOT] = KIND_REBOOT, [VERDICT_STOPPED] = KIND_ORDERED,
        [VERDICT_PANIC] = KIND_CRASH,   [VERDICT_KILLED] = KIND_CRASH,
        [VERDICT_HUNG] = KIND_CRASH,    [VERDICT_MEMORY] = KIND_CRASH,
        [VERDICT_DISK] = KIND_CRASH,    [VERDICT_NETWORK] = KIND_CRASH,
        [VERDICT_KERNEL] = KIND_FAULT,  [VERDICT_USAGE] = KIND_FAULT,
        [VERDICT_EXIT] = KIND_CRASH,
};
static_assert(ARRAY_SIZE(kinds) == VERDICT_MAX, "a kind for every verdict");

RestartDecision restart_decide(Verdict v, GuestWanted wanted, RestartWhen when) {
        assert(v > VERDICT_NONE && v < VERDICT_MAX);

        if (wanted == WANTED_DOWN)
                return DECIDE_DONE;
        switch (kinds[v]) {
        case KIND_OFF:
                return when == RESTART_ALWAYS ? DECIDE_AGAIN : DECIDE_DONE;
        case KIND_REBOOT:
        case KIND_ORDERED:
                return DECIDE_AGAIN;
        case KIND_CRASH:
                return when == RESTART_NO ? DECIDE_FAULT : DECIDE_AGAIN;
        case KIND_FAULT:
        case KIND_NOTHING:
                break;
        }
        return DECIDE_FAULT;
}

bool restart_is_crash(Verdict v) {
        assert(v >= 0 && v < VERDICT_MAX);
        return kinds[v] == KIND_CRASH || kinds[v] == KIND_FAULT;
}

usec_t restart_delay(DeathHistory *history, const RestartRule *rule, usec_t run_time) {
        usec_t delay = rule->delay;

        if (run_time >= rule->reset)
                history->quick = 0;
        if (history->quick > 0) {
                unsigned doublings =
                        MIN(history->quick - 1, 40U); /* 2^40 s exceeds any delay_max */

                delay = MAX(delay, USEC_PER_SEC << doublings);
        }
        if (history->quick < UINT32_MAX)
                history->quick++;
        return MIN(delay, rule->delay_max);
}
