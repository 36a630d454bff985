/* SPDX-License-Identifier: GPL-2.0-or-later */
/* disk-space.c - judges the free space for a guest's images. */

#include "daemon/watch/disk-space.h"

#define MIB (UINT64_C(1) << 20)

enum {
        BYTES_PER_USEC_MAX = 1000, /* a guest wrote at most 0.6 GB/s (UML-measured) */
};

#define LOOK_MIN (50 * USEC_PER_MSEC)
#define LOOK_MAX (5 * USEC_PER_SEC)

static uint64_t full_below(const SpaceSight *s) {
        uint64_t mark = MIN(64 * MIB, s->total / 20);

        return MIN(mark, s->growth);
}

static uint64_t low_below(const SpaceSight *s) {
        uint64_t mark = MIN(1024 * MIB, s->total / 5);

        return MIN(mark, s->growth);
}

uint64_t space_needed(const SpaceSight *s) {
        return 2 * full_below(s);
}

SpaceLevel space_judge(SpaceLevel before, const SpaceSight *s) {
        uint64_t low = low_below(s);

        if (s->available < (before == SPACE_FULL ? space_needed(s) : full_below(s)))
                return SPACE_FULL;
        return s->available < (before == SPACE_ENOUGH ? low : low + low / 4) ? SPACE_LOW
                                                                             : SPACE_ENOUGH;
}

usec_t space_next_look(const SpaceSight *s) {
        uint64_t full = full_below(s);
        usec_t until = s->available > full ? (s->available - full) / BYTES_PER_USEC_MAX : 0;

        if (s->growth == 0 || until > LOOK_MAX)
                return LOOK_MAX;
        return MAX(until, LOOK_MIN);
}
