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

Moment moment_after(clockid_t clock, usec_t delay) {
        return (Moment){ .clock = clock,
                         .at = usec_add(now_usec(clock), delay),
                         .realtime = usec_add(now_usec(CLOCK_REALTIME), delay) };
}

/* In whole seconds, so that it is the same each time it is read. */
usec_t moment_realtime(const Moment *m) {
        const int64_t second = USEC_PER_SEC;
        int64_t ahead, now, step;

        if (m->realtime == 0)
                return 0;
        ahead = (int64_t) m->realtime - (int64_t) m->at;
        now = (int64_t) now_usec(CLOCK_REALTIME) - (int64_t) now_usec(m->clock);
        step = now - ahead;
        step = (step + (step < 0 ? -second / 2 : second / 2)) / second * second;
        return (usec_t) MAX((int64_t) m->realtime + step, (int64_t) 1);
}

char *format_timespan(char buf[static FORMAT_TIMESPAN_MAX], usec_t t) {
        static const struct {
                const char *name;
                usec_t size;
        } units[] = {
                { "d", 24 * USEC_PER_HOUR }, { "h", USEC_PER_HOUR },  { "min", USEC_PER_MINUTE },
                { "s", USEC_PER_SEC },       { "ms", USEC_PER_MSEC }, { "us", 1 },
        };
        size_t u = 0;
        int n;

        if (t == USEC_INFINITY)
                return strcpy(buf, "infinity");
        if (t == 0)
                return strcpy(buf, "0");
        while (t < units[u].size)
                u++;
        n = snprintf(buf, FORMAT_TIMESPAN_MAX, "%" PRIu64 "%s", t / units[u].size, units[u].name);
        if (u + 1 < ARRAY_SIZE(units)) {
                const usec_t minor = t % units[u].size / units[u + 1].size;

                if (minor > 0 && minor * units[u + 1].size >= t / 100)
                        snprintf(buf + n, FORMAT_TIMESPAN_MAX - (size_t) n, " %" PRIu64 "%s", minor,
                                 units[u + 1].name);
        }
        return buf;
}
