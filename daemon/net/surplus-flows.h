/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Keeps the guest from filling the host's table of connections with what the limit of its
 * connections (bars.h) does not count: TCP connections that are closed stay in the table for two
 * minutes, and after a change of legacy tables the kernel counts from zero. When the table is more
 * than half full the host is made to forget those of the guest; a quarter is left for itself.
 *
 * Between two looks the guest can have only so many new TCP connections (NatPlan.fresh): with
 * nftables a number, which each look allows it again while there is room, so that a guest whose
 * umld is dead gets no more than that; else a rate. The table is looked at the more often the less
 * is missing to that half, and the faster the guest uses up its number; the rest is done in the
 * event loop, some milliseconds at a time. */

#include <systemd/sd-event.h>

#include "daemon/net/net.h"

typedef struct SurplusFlows SurplusFlows;

/* net is borrowed. */
int surplus_flows_new(sd_event *event, Net *net, SurplusFlows **ret);
SurplusFlows *surplus_flows_free(SurplusFlows *s);
DEFINE_CLEANUP(SurplusFlows *, surplus_flows_free)

/* To be called when the guest's rules were made or removed: looks while there are any. */
int surplus_flows_update(SurplusFlows *s);

/* ---- pure ---- */

/* Is it time to look through the table, which has count entries of max? settled: how few there have
 * been since the last time that this was done; 0 = never. made: how many the guest may have made
 * since. */
bool surplus_is_due(uint64_t count, uint64_t max, uint64_t settled, uint64_t made);

/* When to look again. */
usec_t surplus_next_look(uint64_t count, uint64_t max, uint64_t settled, uint64_t made);

/* The same for a guest that may have so many new connections, and has used that many of them up
 * within the last `since`. */
usec_t fresh_next_look(usec_t since, uint64_t used, uint64_t fresh);
