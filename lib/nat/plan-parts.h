/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What the files that plan chains share; for them alone. */

#include "nat/plan.h"

int nat_chain_add(NatChain *chain, NatRule rule);

static inline ForwardFamily nat_forward_family(NatFamily family) {
        return family == NAT_IPV4 ? FORWARD_IPV4 : FORWARD_IPV6;
}

/* Is the forward for that family, too? */
bool nat_forward_is_for(const Forward *f, NatFamily family);

/* The names of the uplinks of that family. */
size_t nat_count_uplinks(const NatPlan *plan, NatFamily family);
void nat_copy_uplink(char ret[static IFNAMSIZ], const NatPlan *plan, NatFamily family, size_t i);

static const struct {
        unsigned flag;
        uint8_t protocol;
} nat_protocols[] = { { FORWARD_TCP, IPPROTO_TCP }, { FORWARD_UDP, IPPROTO_UDP } };

/* ---- plan-bars.c ---- */

/* Drops what does not come from the guest's own addresses. */
int nat_plan_source(NatChain *chain, const NatPlan *plan, const NatSide *side);
/* Counts a new connection, and drops it if it is one too many; cnt is that chain. */
int nat_plan_count(NatChain *chain, const NatChain *cnt);

/* Adds the rule for each port and protocol of the guest that the forwards lead to; one with .syn
 * for TCP only. */
int nat_plan_direct(NatChain *chain, const NatPlan *plan, NatRule rule);

/* The chains that only drop. */
int nat_plan_cnt(NatChain *cnt, const NatPlan *plan);
int nat_plan_from(NatChain *from, const NatPlan *plan, const NatSide *side, const NatChain *cnt);
int nat_plan_to(NatChain *to, const NatPlan *plan, const NatSide *side, const NatChain *cnt);

/* ---- plan-forwards.c ---- */

/* Without a global address there are no connections by IPv6. */
bool nat_has_forwards(const NatSide *side, NatFamily family);
/* The forwards, after the ports that are never forwarded. -E2BIG: too many. */
int nat_plan_pre(NatChain *pre, const NatPlan *plan);
/* Jumps to that chain, if it has rules: by the uplinks from that one on, */
int nat_plan_uplinks(NatChain *near, const NatChain *pre, const NatPlan *plan, size_t first);
/* and to the host's own addresses. */
int nat_plan_near(NatChain *near, const NatChain *pre, const NatSide *side);

/* ---- plan-hold.c ---- */

/* The chains of connections that may have to wait for the guest. */
int nat_plan_hold(NatChains *chains, NatFamily family, const NatPlan *plan);
