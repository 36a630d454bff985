/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The readers that fill in what is known about the host (facts/host-facts.h). Each makes a few
 * short reads; what cannot be read remains unknown. */

#include "daemon/net/net.h"
#include "facts/host-facts.h"
#include "nat/trip.h"

/* Links, with their addresses and reverse path filters, and the ways to the Internet. */
void net_gather_links(const Net *net, HostFacts *f);
/* Addresses that the host is to have, on whichever interface. */
void net_gather_addresses(const Net *net, HostFacts *f);
/* Kernel settings: forwarding. */
void net_gather_settings(const Net *net, HostFacts *f);
/* Counters: conntrack. */
void net_gather_counters(HostFacts *f);
/* What other firewalls do with the guest's packets, in nf_tables and in the legacy tables. */
void net_gather_nft(const Net *net, HostFacts *f);
void net_gather_legacy(const Net *net, HostFacts *f);

/* A stranger's connection to the first port of a forward, or of a relay; false: not by that family.
 */
bool net_trip_to(const Net *net, NatFamily family, NatWay way, const Forward *f, Trip *ret);
