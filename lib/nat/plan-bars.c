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

typedef struct Network {
        NatFamily family;
        IpPrefix prefix;
} Network;

#define V4(a, b, c, d, bits)                                                                       \
        {                                                                                          \
                NAT_IPV4, {                                                                        \
                        { .v4 = { (a) | (b) << 8 | (c) << 16 | (uint32_t) (d) << 24 } }, bits      \
                }                                                                                  \
        }
#define V6(bits, ...)                                                                              \
        {                                                                                          \
                NAT_IPV6, {                                                                        \
                        { .v6 = { { { __VA_ARGS__ } } } }, bits                                    \
                }                                                                                  \
        }

/* Link-local addresses of IPv4, where most clouds tell each machine its secrets, and where some of
 * them do otherwise and by IPv6. */
static const Network metadata[] = {
        V4(169, 254, 0, 0, 16),
        V4(100, 100, 100, 200, 0),                                    /* Alibaba */
        V4(168, 63, 129, 16, 0),                                      /* Azure */
        V4(192, 0, 0, 192, 0),                                        /* Oracle */
        V6(32, 0xfd, 0x00, 0x0e, 0xc2),                               /* Amazon */
        V6(32, 0xfd, 0x20, 0x00, 0xce),                               /* Google */
        V6(0, 0xfd, 0x00, 0x00, 0xc1, [12] = 0xa9, 0xfe, 0xa9, 0xfe), /* Oracle */
        V6(0, 0xfd, 0x00, 0x00, 0x42, [15] = 0x42),                   /* Scaleway */
        V6(0, 0xfd, 0x00, 0xa9, 0xfe, 0xa9, 0xfe, [15] = 1),          /* Akamai */
        V6(0, 0xfd, 0x00, 0x01, 0x00, [12] = 0x01, 0x00, 0x02, 0x00), /* Alibaba */
};

/* Addresses of IPv4 that only a host and its own networks have. By IPv4 its routes tell where they
 * are; as a part of an IPv6 address they would leave by the uplink. */
static const Network inner[] = {
        V4(0, 0, 0, 0, 8),   V4(10, 0, 0, 0, 8),    V4(100, 64, 0, 0, 10),
        V4(127, 0, 0, 0, 8), V4(172, 16, 0, 0, 12), V4(192, 168, 0, 0, 16),
};

/* With IPv4 addresses in them, by which a host or a router leads to those; whole bytes. */
static const Network translated[] = {
        V6(96, 0x00, 0x64, 0xff, 0x9b), /* NAT64 */
        V6(16, 0x20, 0x02),             /* 6to4 */
};

/* The same, but where in it the address is each network decides for itself. */
static const Network local_nat64 = V6(48, 0x00, 0x64, 0xff, 0x9b, 0x00, 0x01);

/* IPv4 addresses written as IPv6, in each way: for sockets, and nothing that may be on a wire. */
static const Network written = V6(64, 0);

/* That IPv6 network itself, or what IPv4 network is in it. */
static IpPrefix embed(const IpPrefix *p, const Network *in) {
        unsigned bits = p->bits ?: 32U;
        IpAddress a;

        if (!in)
                return *p;
        a = in->prefix.address;
        memcpy(&a.v6.s6_addr[in->prefix.bits / 8], &p->address.v4, sizeof(p->address.v4));
        return ip_prefix_of(&a, in->prefix.bits + bits);
}

/* in: an element of translated[], if it is about an IPv4 network in there. */
static int add_network(NatChain *from, const IpPrefix *p, const Network *in, NatVerdict verdict) {
        const IpPrefix to = embed(p, in);

        return nat_chain_add(from, (NatRule){ .destination = to.address,
                                              .destination_bits = to.bits,
                                              .verdict = verdict });
}

static bool is_of(const IpAddress *a, NatFamily family) {
        return ip_address_is_v6(a) == (family == NAT_IPV6);
}

/* The guest was told to ask these, and they may well be in a network that it must not reach. */
static int plan_resolvers(NatChain *from, const NatPlan *plan) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < plan->n_resolvers; i++)
                for (size_t k = 0; r >= 0 && k < ARRAY_SIZE(nat_protocols) &&
                                   is_of(&plan->resolvers[i], from->family);
                     k++)
                        r = nat_chain_add(from, (NatRule){ .destination = plan->resolvers[i],
                                                           .protocol = nat_protocols[k].protocol,
                                                           .first_port = 53,
                                                           .last_port = 53,
                                                           .verdict = NAT_RETURN });
        return r;
}

/* Those of the chain's family, or those of IPv4 in there. */
static int plan_networks(NatChain *from, const NatPlan *plan, const Network *in) {
        NatFamily family = in ? NAT_IPV4 : from->family;
        const NatSide *side = &plan->side[family];
        NatVerdict secrets = plan->reach & NAT_REACH_METADATA ? NAT_RETURN : NAT_DROP,
                   link = plan->reach & NAT_REACH_LINK ? NAT_RETURN : NAT_DROP;
        int r = 0;

        for (size_t i = 0; r >= 0 && i < plan->n_reached; i++)
                if (is_of(&plan->reached[i].address, family))
                        r = add_network(from, &plan->reached[i], in, NAT_RETURN);
        for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(metadata); i++)
                if (metadata[i].family == family)
                        r = add_network(from, &metadata[i].prefix, in, secrets);
        for (size_t i = 0; r >= 0 && i < side->n_links; i++)
                r = add_network(from, &side->links[i], in, link);
        return r;
}

/* What must not be reached by IPv4 must not be reached by a translator either. */
static int plan_translated(NatChain *from, const NatPlan *plan) {
        const unsigned all = NAT_REACH_METADATA | NAT_REACH_LINK | NAT_REACH_NEIGHBOURS;
        bool neighbours = plan->reach & NAT_REACH_NEIGHBOURS;
        int r = 0;

        for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(translated); i++) {
                r = plan_networks(from, plan, &translated[i]);
                for (size_t k = 0; r >= 0 && !neighbours && k < ARRAY_SIZE(inner); k++)
                        r = add_network(from, &inner[k].prefix, &translated[i], NAT_DROP);
        }
        if (r >= 0 && (plan->reach & all) != all)
                r = add_network(from, &local_nat64.prefix, NULL, NAT_DROP);
        return r;
}

/* By where it is sent to. */
static int plan_destinations(NatChain *from, const NatPlan *plan) {
        bool six = from->family == NAT_IPV6;
        int r = six ? add_network(from, &written.prefix, NULL, NAT_DROP) : 0;

        if (r >= 0)
                r = plan_resolvers(from, plan);
        if (r >= 0)
                r = plan_networks(from, plan, NULL);
        return r < 0 || !six ? r : plan_translated(from, plan);
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
                r = plan_destinations(from, plan);
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
