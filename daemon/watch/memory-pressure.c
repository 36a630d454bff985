/* SPDX-License-Identifier: GPL-2.0-or-later */
/* memory-pressure.c - judges whether promised memory is available, and what the balloon should do.
 */

#include <inttypes.h>

#include "basic/string-util.h"
#include "daemon/host/memory.h"
#include "daemon/watch/memory-pressure.h"

enum {
        EASY_PERCENT = 85, /* below this the pressure is over */
        CALM_LOOKS = 6,    /* before the balloon gives memory back */
        STEPS = 8,         /* of the guest's memory, of which the balloon takes at most half */
};

static const char *const memory_pressure_table[] = {
        [PRESSURE_NONE] = "none",
        [PRESSURE_TIGHT] = "tight",
        [PRESSURE_SHORT] = "short",
};
DEFINE_STRING_TABLE_TO(memory_pressure, MemoryPressure, MEMORY_PRESSURE_MAX);

static uint64_t add(uint64_t a, uint64_t b) {
        return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

/* taken: used and promised. */
static MemoryPressure grade(uint64_t taken, uint64_t size, uint64_t reserve,
                            MemoryPressure before) {
        if (taken > add(size, reserve))
                return PRESSURE_SHORT;
        if (memory_is_tight(taken, size) ||
            (before != PRESSURE_NONE && taken > size / 100 * EASY_PERCENT))
                return PRESSURE_TIGHT;
        return PRESSURE_NONE;
}

static char *explain_fs(const MemoryFigures *f, MemoryPressure p) {
        return strfmt("%s is %s: %" PRIu64 "M of %" PRIu64 "M are used, and guests may use %" PRIu64
                      "M more",
                      f->fs_path, p == PRESSURE_SHORT ? "too small" : "nearly full",
                      memory_mib(f->fs_used), memory_mib(f->fs_size), memory_mib(f->fs_open));
}

static char *explain_host(const MemoryFigures *f, const MemoryLimit *l, MemoryPressure p) {
        return strfmt("the host's memory is %s: %" PRIu64 "M of %" PRIu64
                      "M are left (%s), and guests may use %" PRIu64 "M",
                      p == PRESSURE_SHORT ? "overcommitted" : "nearly full", memory_mib(l->left),
                      memory_mib(l->limit), l->name, memory_mib(f->open));
}

int memory_judge(const MemoryFigures *f, MemoryPressure before, char **ret_why, bool *ret_host) {
        MemoryPressure worst = PRESSURE_NONE;
        const MemoryLimit *worst_limit = NULL;
        char *why = NULL;

        if (f->fs_path && f->fs_size > 0)
                worst = grade(add(f->fs_used, f->fs_open), f->fs_size, 0, before);
        for (size_t i = 0; i < f->n_limits; i++) {
                const MemoryLimit *l = &f->limits[i];
                uint64_t used = l->limit - MIN(l->left, l->limit);
                MemoryPressure p = grade(add(used, f->open), l->limit, l->swap, before);

                if (p > worst) {
                        worst = p;
                        worst_limit = l;
                }
        }
        if (worst != PRESSURE_NONE) {
                why = worst_limit ? explain_host(f, worst_limit, worst) : explain_fs(f, worst);
                if (!why)
                        return -ENOMEM;
        }
        *ret_why = why;
        *ret_host = worst_limit != NULL;
        return (int) worst;
}

int64_t balloon_decide(const BalloonState *s) {
        uint64_t step = s->memory / STEPS;

        if (s->pressed)
                return s->held + step <= s->memory / 2 ? (int64_t) step : 0;
        if (s->calm < CALM_LOOKS)
                return 0;
        return -(int64_t) MIN(s->held, step);
}
