/* SPDX-License-Identifier: GPL-2.0-or-later */
/* plan-bars.c - plans what a guest must not do to its host, its neighbours and others.
 *
 * These chains drop packets or return, and accept none. So they can come before everybody else's
 * rules without opening anything, and before those of all guests that accept: what one guest may
 * send must not be what another one must not get. */

#include "nat/plan-parts.h"

int nat_plan_source(NatChain *chain, const NatPlan *plan, const NatSide *side) {
        NatRule mac = { .verdict = NAT_DROP },
                source = { .source = side->guest_address, .not_source = true, .verdict = NAT_DROP };
        int r = 0;

        if (plan->has_mac) {
                memcpy(mac.not_mac, plan->mac, sizeof(mac.not_mac));
                r = nat_chain_add(chain, mac);
        }
        return r < 0 ? r : nat_chain_add(chain, source);
}

/* TCP connections that are closed are in the host's table, but no longer among those that are
 * counted: so they are bounded by how many there can have been. Of other protocols all that are in
 * the table are counted, and one of UDP without an answer is new with each packet. */
static int plan_fresh(NatChain *cnt, const NatPlan *plan) {
        NatRule tcp = { .protocol = IPPROTO_TCP, .last_port = UINT16_MAX, .verdict = NAT_DROP },
                fresh = tcp;
        int r;

        if (plan->fresh == 0)
                return 0;
        fresh.fresh = true;
        fresh.verdict = NAT_RETURN;
        r = nat_chain_add(cnt, fresh);
        return r < 0 ? r : nat_chain_add(cnt, tcp);
}

/* What the guest begins is also counted by itself, and first: what that drops is not among all, so
 * that a guest which floods others leaves half of its connections to its own clients. */
int nat_plan_cnt(NatChain *cnt, const NatPlan *plan) {
        NatRule all = { .above = plan->connections, .verdict = NAT_DROP }, out = all;
        int r;

        if (plan->connections == 0)
                return plan_fresh(cnt, plan);
        out.above = MAX(plan->connections / 2, 1U);
        strncpy(out.in, plan->tap, IFNAMSIZ - 1);
        r = nat_chain_add(cnt, out);
        if (r >= 0)
                r = nat_chain_add(cnt, all);
        return r < 0 ? r : plan_fresh(cnt, plan);
}

static NatRule count_rule(const NatChain *cnt) {
        NatRule rule = { .verdict = NAT_JUMP };

        strcpy(rule.chain, cnt->name);
        return rule;
}

int nat_plan_count(NatChain *chain, const NatChain *cnt) {
        return cnt->n_rules == 0 ? 0 : nat_chain_add(chain, count_rule(cnt));
}

/* ---- what the guest may send ---- */

typedef struct Metadata {
        NatFamily family;
        IpPrefix prefix;
} Metadata;

/* Link-local addresses of IPv4, where most clouds tell each machine its secrets, and where two of
 * them do by IPv6. */
static const Metadata metadata[] = {
        { NAT_IPV4, { { .v4 = { 0x0000fea9 } }, 16 } },                     /* 169.254/16 */
        { NAT_IPV6, { { .v6 = { { { 0xfd, 0x00, 0x0e, 0xc2 } } } }, 32 } }, /* fd00:ec2::/32 */
        { NAT_IPV6, { { .v6 = { { { 0xfd, 0x20, 0x00, 0xce } } } }, 32 } }, /* fd20:ce::/32 */
};

static int add_network(NatChain *from, const IpPrefix *p, NatVerdict verdict) {
        return nat_chain_add(from, (NatRule){ .destination = p->address,
                                              .destination_bits = p->bits,
                                              .verdict = verdict });
}

/* Is it of the chain's family? */
static bool is_of(const IpAddress *a, const NatChain *chain) {
        return ip_address_is_v6(a) == (chain->family == NAT_IPV6);
}

/* The guest was told to ask these, and they may well be in a network that it must not reach. */
static int plan_resolvers(NatChain *from, const NatPlan *plan) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < plan->n_resolvers; i++)
                for (size_t k = 0;
                     r >= 0 && k < ARRAY_SIZE(nat_protocols) && is_of(&plan->resolvers[i], from);
                     k++)
                        r = nat_chain_add(from, (NatRule){ .destination = plan->resolvers[i],
                                                           .protocol = nat_protocols[k].protocol,
                                                           .first_port = 53,
                                                           .last_port = 53,
                                                           .verdict = NAT_RETURN });
        return r;
}

static int plan_networks(NatChain *from, const NatPlan *plan, const NatSide *side) {
        NatVerdict secrets = plan->reach & NAT_REACH_METADATA ? NAT_RETURN : NAT_DROP,
                   link = plan->reach & NAT_REACH_LINK ? NAT_RETURN : NAT_DROP;
        int r = 0;

        for (size_t i = 0; r >= 0 && i < plan->n_reached; i++)
                if (is_of(&plan->reached[i].address, from))
                        r = add_network(from, &plan->reached[i], NAT_RETURN);
        for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(metadata); i++)
                if (metadata[i].family == from->family)
                        r = add_network(from, &metadata[i].prefix, secrets);
        for (size_t i = 0; r >= 0 && i < side->n_links; i++)
                r = add_network(from, &side->links[i], link);
        return r;
}

/* The rest, by the interface it would leave through. */
static int plan_interfaces(NatChain *from, const NatPlan *plan) {
        bool internet = plan->reach & NAT_REACH_INTERNET,
             neighbours = plan->reach & NAT_REACH_NEIGHBOURS;
        NatRule uplink = { .verdict = internet ? NAT_RETURN : NAT_DROP };
        int r = 0;

        for (size_t i = 0;
             r >= 0 && internet != neighbours && i < nat_count_uplinks(plan, from->family); i++) {
                nat_copy_uplink(uplink.out, plan, from->family, i);
                if (uplink.out[0])
                        r = nat_chain_add(from, uplink);
        }
        if (r >= 0 && !neighbours)
                r = nat_chain_add(from, (NatRule){ .verdict = NAT_DROP });
        return r;
}

/* What the host forwards is for everybody, guests included. */
static int plan_forwarded(NatChain *chain, const NatChain *cnt) {
        NatRule forwarded = { .states = NAT_STATE_DNAT, .verdict = NAT_RETURN };
        int r = nat_chain_add(chain, (NatRule){ .states = NAT_STATE_RELATED | NAT_STATE_ESTABLISHED,
                                                .verdict = NAT_RETURN });

        if (r >= 0)
                r = nat_plan_count(chain, cnt);
        return r < 0 ? r : nat_chain_add(chain, forwarded);
}

int nat_plan_from(NatChain *from, const NatPlan *plan, const NatSide *side, const NatChain *cnt) {
        int r;

        strncpy(from->jump.in, plan->tap, IFNAMSIZ - 1);
        r = nat_plan_source(from, plan, side);
        if (r >= 0)
                r = plan_forwarded(from, cnt);
        if (r >= 0)
                r = plan_resolvers(from, plan);
        if (r >= 0)
                r = plan_networks(from, plan, side);
        return r < 0 ? r : plan_interfaces(from, plan);
}

/* ---- what may be sent to the guest ---- */

static int add_direct(NatChain *chain, const Forward *f, NatRule rule) {
        int r = 0;

        if (f->protocols == FORWARD_OTHER && rule.syn)
                return 0;
        if (f->protocols == FORWARD_OTHER) {
                rule.protocol = (uint8_t) f->host_first;
                return nat_chain_add(chain, rule);
        }
        rule.first_port = f->guest_first;
        rule.last_port = (uint16_t) (f->guest_first + f->host_last - f->host_first);
        for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(nat_protocols); i++) {
                rule.protocol = nat_protocols[i].protocol;
                if (f->protocols & nat_protocols[i].flag &&
                    (!rule.syn || rule.protocol == IPPROTO_TCP))
                        r = nat_chain_add(chain, rule);
        }
        return r;
}

/* A guest that is not behind NAT is called by its own address: at the ports that are forwarded. */
int nat_plan_direct(NatChain *chain, const NatPlan *plan, NatRule rule) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < plan->n_forwards; i++)
                if (nat_forward_is_for(&plan->forwards[i], chain->family))
                        r = add_direct(chain, &plan->forwards[i], rule);
        return r;
}

int nat_plan_to(NatChain *to, const NatPlan *plan, const NatSide *side, const NatChain *cnt) {
        NatRule rest = { .verdict = NAT_DROP };
        int r;

        strncpy(to->jump.out, plan->tap, IFNAMSIZ - 1);
        r = plan_forwarded(to, cnt);
        if (r >= 0 && !side->masquerade)
                r = nat_plan_direct(to, plan, (NatRule){ .verdict = NAT_RETURN });
        if (r < 0 || !(plan->reach & NAT_REACH_NEIGHBOURS))
                return r < 0 ? r : nat_chain_add(to, rest);
        for (size_t i = 0; r >= 0 && i < nat_count_uplinks(plan, to->family); i++) {
                nat_copy_uplink(rest.in, plan, to->family, i);
                r = nat_chain_add(to, rest);
        }
        return r;
}
