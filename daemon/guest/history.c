/* SPDX-License-Identifier: GPL-2.0-or-later */
/* history.c - samples what the guest uses, whenever its memory is looked at anyway: that wakes
 * nobody up. */

#include "daemon/guest/parts.h"
#include "host/link-counters.h"

static HistorySight look(const Guest *g, uint64_t memory) {
        HistorySight seen = { .now = now_usec(CLOCK_MONOTONIC),
                              .realtime = now_usec(CLOCK_REALTIME),
                              .memory = memory };
        LinkCounters counters;

        /* What the host receives on the tap is what the guest has sent. */
        if (link_counters_read(g->config->tap, &counters) >= 0) {
                seen.sent = counters.received;
                seen.received = counters.sent;
        } else {
                seen.uncounted = true;
        }
        return seen;
}

static void on_look(uint64_t memory, void *userdata) {
        Guest *g = userdata;
        HistorySight seen;

        if (!history_is_due(&g->past.history, now_usec(CLOCK_MONOTONIC)))
                return;
        seen = look(g, memory);
        history_add(&g->past.history, &seen);
        guest_keep(g); /* with the latencies */
}

void guest_begin_history(Guest *g) {
        const HistorySight seen = look(g, 0);

        history_begin(&g->past.history, &seen);
        guest_memory_on_look(g->memory, on_look, g);
}
