/* SPDX-License-Identifier: GPL-2.0-or-later */
/* plan-forwards.c - plans the port forwards. */

#include "nat/plan-parts.h"

#define DHCPV6_CLIENT_PORT 546

static int add_redirection(NatChain *pre, const NatPlan *plan, size_t limit, NatRule rule) {
        if (pre->n_rules >= limit)
                return -E2BIG;
        rule.verdict = NAT_DNAT;
        rule.to_address = plan->side[pre->family].guest_address;
        return nat_chain_add(pre, rule);
}

static int add_forward(NatChain *pre, const NatPlan *plan, size_t limit, const Forward *f,
                       uint8_t protocol) {
        NatRule rule = { .destination = f->address,
                         .protocol = protocol,
                         .first_port = f->host_first,
                         .last_port = f->host_last };

        if (f->guest_first == f->host_first)
                return add_redirection(pre, plan, limit, rule);
        /* A target that shifts a range is newer than many a host's kernel. */
        for (unsigned i = 0; i <= (unsigned) (f->host_last - f->host_first); i++) {
                int r;

                rule.first_port = rule.last_port = (uint16_t) (f->host_first + i);
                rule.to_port = (uint16_t) (f->guest_first + i);
                r = add_redirection(pre, plan, limit, rule);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* Does one of the forwards take a port of this range away from the host? */
static bool touched(const NatPlan *plan, NatFamily family, const Forward *range,
                    unsigned protocol) {
        Forward one = *range;

        one.protocols &= protocol;
        one.family = nat_forward_family(family);
        for (size_t i = 0; i < plan->n_forwards; i++)
                if (forward_overlaps(&plan->forwards[i], &one))
                        return true;
        return false;
}

static int guard_ports(NatChain *pre, const NatPlan *plan, const Forward *range) {
        FOREACH_ELEMENT (p, nat_protocols) {
                const NatRule rule = { .protocol = p->protocol,
                                       .first_port = range->host_first,
                                       .last_port = range->host_last,
                                       .verdict = NAT_RETURN };
                int r = touched(plan, pre->family, range, p->flag) ? nat_chain_add(pre, rule) : 0;

                if (r < 0)
                        return r;
        }
        return 0;
}

/* The guard comes first, so that no later mistake can lock anybody out. */
static int plan_guard(NatChain *pre, const NatPlan *plan) {
        /* The replies by which a host gets its own IPv6 address; those of IPv4 do not pass through
         * tables. */
        static const Forward dhcp = { FORWARD_UDP, DHCPV6_CLIENT_PORT, DHCPV6_CLIENT_PORT,
                                      DHCPV6_CLIENT_PORT };
        int r = pre->family == NAT_IPV6 ? guard_ports(pre, plan, &dhcp) : 0;

        for (size_t i = 0; r >= 0 && i < plan->n_guarded; i++)
                r = guard_ports(pre, plan, &plan->guarded[i]);
        return r;
}

/* Protocols without ports, of which the guest gets everything. */
static int plan_others(NatChain *pre, const NatPlan *plan, size_t limit) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < plan->n_forwards; i++)
                if (plan->forwards[i].protocols == FORWARD_OTHER)
                        r = add_redirection(
                                pre, plan, limit,
                                (NatRule){ .protocol = (uint8_t) plan->forwards[i].host_first });
        return r;
}

static int plan_forwards(NatChain *pre, const NatPlan *plan, size_t limit, bool all) {
        for (size_t i = 0; i < plan->n_forwards; i++)
                FOREACH_ELEMENT (p, nat_protocols) {
                        const Forward *f = &plan->forwards[i];
                        int r = 0;

                        if (forward_is_all(f) == all && (f->protocols & p->flag) &&
                            nat_forward_is_for(f, pre->family))
                                r = add_forward(pre, plan, limit, f, p->protocol);
                        if (r < 0)
                                return r;
                }
        return 0;
}

/* Without a global address there are no connections by IPv6. */
bool nat_has_forwards(const NatSide *side, NatFamily family) {
        return family == NAT_IPV4 || side->n_public > 0;
}

int nat_plan_pre(NatChain *pre, const NatPlan *plan) {
        size_t limit;
        int r;

        if (nat_count_uplinks(plan, pre->family) == 0)
                return 0;
        nat_copy_uplink(pre->jump.in, plan, pre->family, 0);
        r = plan_guard(pre, plan);
        if (r < 0)
                return r;
        limit = pre->n_rules + NAT_FORWARD_RULES_MAX;
        r = plan_forwards(pre, plan, limit, false);
        if (r >= 0)
                r = plan_others(pre, plan, limit);
        return r < 0 ? r : plan_forwards(pre, plan, limit, true);
}

/* By the uplinks from that one on; from the first the chain may itself be jumped to. */
int nat_plan_uplinks(NatChain *near, const NatChain *pre, const NatPlan *plan, size_t first) {
        for (size_t i = first; pre->n_rules > 0 && i < nat_count_uplinks(plan, near->family); i++) {
                NatRule rule = { .verdict = NAT_JUMP };
                int r;

                nat_copy_uplink(rule.in, plan, near->family, i);
                strcpy(rule.chain, pre->name);
                r = nat_chain_add(near, rule);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* For connections from the host, its guests and anything else behind it the same forwards apply,
 * but only to the host's own addresses: connections to port 80 of another machine must not end up
 * here. */
int nat_plan_near(NatChain *near, const NatChain *pre, const NatSide *side) {
        for (size_t i = 0; pre->n_rules > 0 && i < side->n_public; i++) {
                NatRule rule = { .destination = side->public[i], .verdict = NAT_JUMP };
                int r;

                strcpy(rule.chain, pre->name);
                r = nat_chain_add(near, rule);
                if (r < 0)
                        return r;
        }
        return 0;
}
