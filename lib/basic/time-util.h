/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Time as microseconds in 64 bits. */

#include <stdint.h>
#include <time.h>

#include "basic/macro.h"

typedef uint64_t usec_t;

#define USEC_INFINITY   ((usec_t) UINT64_MAX)
#define USEC_PER_MSEC   ((usec_t) 1000)
#define USEC_PER_SEC    ((usec_t) 1000000)
#define USEC_PER_MINUTE (60 * USEC_PER_SEC)
#define USEC_PER_HOUR   (60 * USEC_PER_MINUTE)

/* The time of that clock now. */
usec_t now_usec(clockid_t clock);

static inline usec_t usec_add(usec_t a, usec_t b) {
        return a > USEC_INFINITY - b ? USEC_INFINITY : a + b;
}

static inline usec_t usec_sub(usec_t a, usec_t b) {
        return a > b ? a - b : 0;
}

/* When something was, is or will be. The wall clock may be set meanwhile: then that is told by the
 * clock as it is now, so that "5min ago" stays true. All zero: never. */
typedef struct Moment {
        clockid_t clock; /* which nobody sets: CLOCK_BOOTTIME, or CLOCK_MONOTONIC for what waits for
                            a timer of that */
        usec_t at, realtime;
} Moment;

Moment moment_after(clockid_t clock, usec_t delay);
usec_t moment_realtime(const Moment *m);

/* A time span for people, rounded down: its largest unit, and the next smaller one if that is at
 * least one per cent of the whole: "2h 5min", "319ms". */
#define FORMAT_TIMESPAN_MAX 40
char *format_timespan(char buf[static FORMAT_TIMESPAN_MAX], usec_t t);
#define FORMAT_TIMESPAN(t) format_timespan((char[FORMAT_TIMESPAN_MAX]){ 0 }, (t))
