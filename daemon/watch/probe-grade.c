/* SPDX-License-Identifier: GPL-2.0-or-later */
/* probe-grade.c - grades a service in the guest by its responses. */

#include "daemon/watch/probe-grade.h"

static const char *const probe_state_table[] = {
        [PROBE_WAITING] = "waiting",
        [PROBE_GOOD] = "good",
        [PROBE_FAILING] = "failing",
        [PROBE_UNASKED] = "cannot be asked",
};
DEFINE_STRING_TABLE_TO(probe_state, ProbeState, PROBE_STATE_MAX);

usec_t probe_limit(const ProbeRule *rule) {
        return MAX(rule->timeout / PROBE_FAILURES, USEC_PER_MSEC);
}

usec_t probe_next(const ProbeRule *rule, usec_t began, usec_t now) {
        return MAX(usec_add(began, rule->check), now);
}

void probe_answered(ProbeGrade *g, usec_t began, usec_t now) {
        *g = (ProbeGrade){ .state = PROBE_GOOD,
                           .latency = usec_sub(now, began),
                           .previous = now,
                           .answered = true };
}

void probe_unasked(ProbeGrade *g, usec_t now) {
        *g = (ProbeGrade){ .state = PROBE_UNASKED,
                           .latency = g->latency,
                           .previous = now,
                           .answered = g->answered };
}

/* Need it not have answered by now? */
static bool has_grace(const ProbeGrade *g, const ProbeRule *rule, usec_t now) {
        return !g->answered && g->failures == 0 && now < rule->grace_end;
}

bool probe_failed(ProbeGrade *g, const ProbeRule *rule, usec_t began, usec_t now, bool excused) {
        usec_t from = g->failures > 0 ? g->previous : began;
        usec_t fair = usec_add(rule->check, probe_limit(rule));

        g->previous = now;
        if (excused)
                return false;
        if (has_grace(g, rule, now)) {
                g->state = PROBE_WAITING;
                return false;
        }
        g->state = PROBE_FAILING;
        g->failures++;
        g->failing = usec_add(g->failing, MIN(usec_sub(now, from), fair));
        return g->failures >= PROBE_FAILURES && g->failing >= rule->timeout;
}
