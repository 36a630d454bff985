/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What a guest has used in the last hour: a ring of samples, of a size that is known in advance.
 * Pure. */

#include <stdbool.h>
#include <stddef.h>

#include "basic/time-util.h"

#define HISTORY_INTERVAL (10 * USEC_PER_SEC)

enum {
        HISTORY_SAMPLES = 360, /* an hour */
};

/* 16 bytes, so that a whole hour of a guest takes less than two pages. */
typedef struct HistorySample {
        uint32_t when;           /* CLOCK_REALTIME, in seconds */
        uint32_t memory;         /* KiB of the host's memory */
        uint32_t received, sent; /* by the guest since the sample before, in bytes per second */
} HistorySample;

/* What is observed at some time. The counters only ever grow, unless the interface is another
 * one. */
typedef struct HistorySight {
        usec_t now;      /* CLOCK_MONOTONIC */
        usec_t realtime; /* the same moment, CLOCK_REALTIME */
        uint64_t memory; /* bytes */
        uint64_t received, sent;
        bool uncounted; /* they are not known */
} HistorySight;

typedef struct History {
        HistorySample samples[HISTORY_SAMPLES];
        size_t first, n;
        HistorySight last; /* that of the last sample, or of the beginning */
        usec_t counted;    /* when its counters were read, CLOCK_MONOTONIC; 0 = never */
        bool fresh;        /* nothing was sampled since the beginning */
} History;

/* A boot begins: what was counted before does not count. The samples of earlier boots remain. */
void history_begin(History *h, const HistorySight *seen);

/* Is it time for a sample? The first one is taken soon, the others at their interval; looks that
 * come more often are not for us. */
bool history_is_due(const History *h, usec_t now);

/* Adds a sample; if there are too many the oldest one is dropped. */
void history_add(History *h, const HistorySight *seen);

/* Adds one that was taken by others. */
void history_put(History *h, const HistorySample *sample);

/* The i-th, from the oldest one on; i < h->n. */
const HistorySample *history_get(const History *h, size_t i);
