/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* How much processor time a piece of work in the event loop may take. It is the thread's own time,
 * the kernel's for its calls included: on a busy machine the work is not given up only because
 * others have run meanwhile. */

#include "basic/time-util.h"

typedef struct Budget {
        usec_t end;
        unsigned calls;
        bool spent;
} Budget;

static inline Budget budget_of(usec_t time) {
        return (Budget){ .end = usec_add(now_usec(CLOCK_THREAD_CPUTIME_ID), time) };
}

/* To be called for each small step: only some of the calls look at the clock. */
static inline bool budget_spent(Budget *b) {
        if (!b->spent && b->calls++ % 64 == 0)
                b->spent = now_usec(CLOCK_THREAD_CPUTIME_ID) >= b->end;
        return b->spent;
}
