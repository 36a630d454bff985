/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* How long the guest's kernel took to answer its heartbeats, as a histogram. Pure. */

#include "basic/time-util.h"

enum {
        LATENCY_BOUNDS = 14,
};

/* Upper bounds, inclusive; what took longer than the last one is counted behind it. They are fixed,
 * so that figures of different guests and versions can be compared. */
extern const usec_t latency_bounds[LATENCY_BOUNDS];

typedef struct Latencies {
        uint64_t counts[LATENCY_BOUNDS + 1]; /* of each interval alone */
        usec_t sum;
} Latencies;

void latencies_add(Latencies *l, usec_t latency);
