/* SPDX-License-Identifier: GPL-2.0-or-later */
/* time-util.c - clocks and time spans. */

#include <inttypes.h>
#include <stdio.h>

#include "basic/time-util.h"

usec_t now_usec(clockid_t clock) {
        struct timespec ts;

        if (clock_gettime(clock, &ts) < 0)
                return 0; /* only for a clock that this kernel does not have */
        return (usec_t) ts.tv_sec * USEC_PER_SEC + (usec_t) ts.tv_nsec / 1000;
}

char *format_timespan(char buf[static FORMAT_TIMESPAN_MAX], usec_t t) {
        static const struct {
                const char *name;
                usec_t unit;
        } units[] = {
                { "d", 24 * USEC_PER_HOUR }, { "h", USEC_PER_HOUR },  { "min", USEC_PER_MINUTE },
                { "s", USEC_PER_SEC },       { "ms", USEC_PER_MSEC }, { "us", 1 },
        };
        size_t n = 0, shown = 0;

        if (t == USEC_INFINITY)
                return strcpy(buf, "infinity");
        if (t == 0)
                return strcpy(buf, "0");
        FOREACH_ELEMENT (u, units) {
                usec_t v = t / u->unit;

                t %= u->unit;
                if (v == 0) {
                        if (shown > 0)
                                break;
                        continue;
                }
                n += (size_t) snprintf(buf + n, FORMAT_TIMESPAN_MAX - n, "%s%" PRIu64 "%s",
                                       shown ? " " : "", v, u->name);
                if (++shown == 2)
                        break;
        }
        return buf;
}
