/* SPDX-License-Identifier: GPL-2.0-or-later */
/* history.c - keeps what a guest has used in the last hour. */

#include "daemon/watch/history.h"

/* A timer may be early by what its accuracy allows. */
#define TOLERANCE (2 * USEC_PER_SEC)

static uint32_t bounded(uint64_t value) {
        return value > UINT32_MAX ? UINT32_MAX : (uint32_t) value;
}

static uint32_t rate(uint64_t before, uint64_t now, usec_t elapsed) {
        if (now <= before || elapsed == 0)
                return 0;
        return bounded(
                (uint64_t) ((double) (now - before) * (double) USEC_PER_SEC / (double) elapsed));
}

/* Counters that cannot be read now are those of before: there is no rate until they can. */
static void note(History *h, const HistorySight *seen) {
        HistorySight last = *seen;

        if (seen->uncounted) {
                last.received = h->last.received;
                last.sent = h->last.sent;
        } else {
                h->counted = seen->now;
        }
        h->last = last;
}

void history_begin(History *h, const HistorySight *seen) {
        h->counted = 0;
        note(h, seen);
        h->fresh = true;
}

bool history_is_due(const History *h, usec_t now) {
        return h->fresh || usec_sub(now, h->last.now) >= HISTORY_INTERVAL - TOLERANCE;
}

void history_put(History *h, const HistorySample *sample) {
        h->samples[(h->first + h->n) % HISTORY_SAMPLES] = *sample;
        if (h->n < HISTORY_SAMPLES)
                h->n++;
        else
                h->first = (h->first + 1) % HISTORY_SAMPLES;
}

void history_add(History *h, const HistorySight *seen) {
        bool counted = !seen->uncounted && h->counted > 0;
        usec_t elapsed = counted ? usec_sub(seen->now, h->counted) : 0;

        history_put(h, &(const HistorySample){
                               .when = bounded(seen->realtime / USEC_PER_SEC),
                               .memory = bounded(seen->memory / 1024),
                               .received = rate(h->last.received, seen->received, elapsed),
                               .sent = rate(h->last.sent, seen->sent, elapsed),
                       });
        note(h, seen);
        h->fresh = false;
}

const HistorySample *history_get(const History *h, size_t i) {
        return &h->samples[(h->first + i) % HISTORY_SAMPLES];
}
