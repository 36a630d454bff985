/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Which tracked flows contradict a guest's rules?
 *
 * Translation is decided by the first packet of a flow, and kept for as long as packets come. After
 * a change of the rules a flow that goes on has what the old ones gave it, for ever if it is a
 * WireGuard client that tries every five seconds. One that would meet something else today is to be
 * forgotten, so that its next packet is a first one again. What rules of others have decided is
 * theirs, and stays. Pure. */

#include "host/conntrack.h"
#include "nat/plan.h"

/* What is known of the host. */
typedef struct NatFlowHost {
        bool (*owns)(const IpAddress *address, void *userdata); /* is it one of its addresses? */
        /* Would a packet from the guest leave by an uplink? */
        bool (*leaves)(const IpAddress *to, void *userdata);
        void *userdata;
} NatFlowHost;

/* before: what the flow may have met so far; NULL: this is not known. */
bool nat_flow_contradicts(const NatChains *before, const NatChains *now, NatFamily family,
                          const ConntrackFlow *flow, const NatFlowHost *host);
