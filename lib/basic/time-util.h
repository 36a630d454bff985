/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Time in microseconds, as 64-bit numbers. */

#include <stdint.h>
#include <time.h>

#include "basic/macro.h"

typedef uint64_t usec_t;

#define USEC_INFINITY   ((usec_t) UINT64_MAX)
#define USEC_PER_MSEC   ((usec_t) 1000)
#define USEC_PER_SEC    ((usec_t) 1000000)
#define USEC_PER_MINUTE (60 * USEC_PER_SEC)
#define USEC_PER_HOUR   (60 * USEC_PER_MINUTE)

/* The current time of that clock. */
usec_t now_usec(clockid_t clock);

static inline usec_t usec_add(usec_t a, usec_t b) {
        return a > USEC_INFINITY - b ? USEC_INFINITY : a + b;
}

static inline usec_t usec_sub(usec_t a, usec_t b) {
        return a > b ? a - b : 0;
}

/* The time of an event in the past or the future. If the wall clock is set meanwhile, the event is
 * reported relative to the new time, so that "5min ago" stays true. All zero: never. */
typedef struct Moment {
        clockid_t clock; /* one that cannot be set: CLOCK_BOOTTIME, or CLOCK_MONOTONIC for the
                            expiry of a timer */
        usec_t at, realtime;
} Moment;

Moment moment_after(clockid_t clock, usec_t delay);
usec_t moment_realtime(const Moment *m);

/* A time span for people, rounded down: its largest unit, and the next smaller one if that is at
 * least one per cent of the whole: "2h 5min", "319ms". */
#define FORMAT_TIMESPAN_MAX 40
char *format_timespan(char buf[static FORMAT_TIMESPAN_MAX], usec_t t);
#define FORMAT_TIMESPAN(t) format_timespan((char[FORMAT_TIMESPAN_MAX]){ 0 }, (t))
