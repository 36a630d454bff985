/* SPDX-License-Identifier: GPL-2.0-or-later */
/* latencies.c - counts how long answers took. */

#include "daemon/watch/latencies.h"

const usec_t latency_bounds[LATENCY_BOUNDS] = {
        100,
        250,
        500,
        1 * USEC_PER_MSEC,
        2500,
        5 * USEC_PER_MSEC,
        10 * USEC_PER_MSEC,
        25 * USEC_PER_MSEC,
        50 * USEC_PER_MSEC,
        100 * USEC_PER_MSEC,
        250 * USEC_PER_MSEC,
        1 * USEC_PER_SEC,
        5 * USEC_PER_SEC,
        30 * USEC_PER_SEC,
};

void latencies_add(Latencies *l, usec_t latency) {
        size_t i = 0;

        while (i < LATENCY_BOUNDS && latency > latency_bounds[i])
                i++;
        l->counts[i]++;
        l->sum = usec_add(l->sum, latency);
}
