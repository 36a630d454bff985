/* SPDX-License-Identifier: GPL-2.0-or-later */
/* plan.c - works out the chains and rules that implement a guest's plan; touches nothing. */

#include <stdio.h>

#include "basic/hash.h"
#include "nat/plan-parts.h"

static const struct {
        NatTable table;
        const char *hook, *prefix;
        NatPlace place;
} layout[NAT_CHAIN_KINDS] = {
        [NAT_CHAIN_USER] = { NAT_TABLE_FILTER, "FORWARD", NAT_USER_CHAIN, NAT_FIRST },
        [NAT_CHAIN_CNT] = { NAT_TABLE_FILTER, "", "UMLD-CNT-", NAT_LAST },
        /* These only drop, so that they may precede everybody else's rules. */
        [NAT_CHAIN_FROM] = { NAT_TABLE_FILTER, "FORWARD", "UMLD-FROM-", NAT_FIRST },
        [NAT_CHAIN_TO] = { NAT_TABLE_FILTER, "FORWARD", "UMLD-TO-", NAT_FIRST },
        /* Early, so that neither a later REJECT nor a DROP policy stops the guest; but a ban that
           was there before remains effective. */
        [NAT_CHAIN_FWD] = { NAT_TABLE_FILTER, "FORWARD", "UMLD-FWD-", NAT_BEHIND_BANS },
        /* First, so that ports that the host opens to everybody are not open to the guest. */
        [NAT_CHAIN_IN] = { NAT_TABLE_FILTER, "INPUT", "UMLD-IN-", NAT_FIRST },
        /* First, so that a host that blocks outgoing packets still reaches its own guest. */
        [NAT_CHAIN_SND] = { NAT_TABLE_FILTER, "OUTPUT", "UMLD-SND-", NAT_FIRST },
        /* Last, so that the administrator's own rules for a port take precedence. */
        [NAT_CHAIN_PRE] = { NAT_TABLE_NAT, "PREROUTING", "UMLD-PRE-", NAT_LAST },
        [NAT_CHAIN_LOC] = { NAT_TABLE_NAT, "PREROUTING", "UMLD-LOC-", NAT_LAST },
        [NAT_CHAIN_OUT] = { NAT_TABLE_NAT, "OUTPUT", "UMLD-OUT-", NAT_LAST },
        [NAT_CHAIN_POST] = { NAT_TABLE_NAT, "POSTROUTING", "UMLD-POST-", NAT_LAST },
        [NAT_CHAIN_MSS] = { NAT_TABLE_MANGLE, "FORWARD", "UMLD-MSS-", NAT_LAST },
        /* In a table of its own, so that what umld lets go meets everybody's filter as before. */
        [NAT_CHAIN_HOLD] = { NAT_TABLE_MANGLE, "FORWARD", "UMLD-HOLD-", NAT_LAST },
        [NAT_CHAIN_SYN] = { NAT_TABLE_MANGLE, "FORWARD", "UMLD-SYN-", NAT_LAST },
        [NAT_CHAIN_DOOR] = { NAT_TABLE_MANGLE, "", "UMLD-DOOR-", NAT_LAST },
        [NAT_CHAIN_GATE] = { NAT_TABLE_MANGLE, "PREROUTING", "UMLD-GATE-", NAT_LAST },
};

/* Protocols and types that differ between the families. */
static const struct {
        uint8_t icmp, echo_request;
} families[NAT_FAMILY_MAX] = {
        [NAT_IPV4] = { IPPROTO_ICMP, 8 },
        [NAT_IPV6] = { IPPROTO_ICMPV6, 128 },
};

bool nat_rule_has_mac(const NatRule *rule) {
        static const uint8_t none[sizeof(rule->not_mac)];

        return memcmp(rule->not_mac, none, sizeof(none)) != 0;
}

bool nat_rule_equal(const NatRule *a, const NatRule *b) {
        return a->family == b->family && streq(a->in, b->in) && streq(a->out, b->out) &&
               ip_address_equal(&a->source, &b->source) && a->source_bits == b->source_bits &&
               a->destination_bits == b->destination_bits && a->not_source == b->not_source &&
               memcmp(a->not_mac, b->not_mac, sizeof(a->not_mac)) == 0 && a->above == b->above &&
               a->fresh == b->fresh && ip_address_equal(&a->destination, &b->destination) &&
               a->protocol == b->protocol && a->first_port == b->first_port &&
               a->last_port == b->last_port && a->syn == b->syn && a->icmp_type == b->icmp_type &&
               a->states == b->states && a->verdict == b->verdict && streq(a->chain, b->chain) &&
               ip_address_equal(&a->to_address, &b->to_address) && a->to_port == b->to_port &&
               a->queue == b->queue;
}

bool nat_rule_leads(const NatRule *rule, const Forward *port) {
        uint8_t protocol = port->protocols == FORWARD_TCP ? IPPROTO_TCP : IPPROTO_UDP;

        if (!nat_forward_is_for(port, rule->family))
                return false;
        return rule->verdict == NAT_DNAT && rule->protocol == protocol &&
               rule->first_port <= port->host_first && port->host_first <= rule->last_port;
}

/* ---- outgoing connections ---- */

/* If a guest connects to itself by the host's address, it would reply to itself directly, and the
 * reply would not match: such a connection has to appear to come from the host. */
static int plan_hairpin(NatChain *post, const NatPlan *plan, const NatSide *side) {
        NatRule rule = { .source = side->guest_address,
                         .destination = side->guest_address,
                         .verdict = NAT_SNAT,
                         .to_address = side->host_address };

        strncpy(rule.out, plan->tap, IFNAMSIZ - 1);
        return nat_chain_add(post, rule);
}

static int plan_one_arm(NatChain *post, const NatPlan *plan, const NatSide *side) {
        NatRule rule = { .destination = side->guest_address,
                         .states = NAT_STATE_DNAT,
                         .verdict = NAT_SNAT,
                         .to_address = side->host_address };

        strncpy(rule.out, plan->tap, IFNAMSIZ - 1);
        return nat_chain_add(post, rule);
}

static int plan_post(NatChain *post, const NatPlan *plan, const NatSide *side, bool forwards) {
        NatRule rule = { .source = side->guest_address, .verdict = NAT_MASQUERADE };
        int r = 0;

        if (!ip_address_is_any(&side->snat_address)) {
                rule.verdict = NAT_SNAT;
                rule.to_address = side->snat_address;
        }
        if (forwards && plan->one_arm)
                r = plan_one_arm(post, plan, side); /* and the guest's to itself */
        else if (forwards && side->n_public > 0)
                r = plan_hairpin(post, plan, side);
        for (size_t i = 0; r >= 0 && side->masquerade && i < nat_count_uplinks(plan, post->family);
             i++) {
                nat_copy_uplink(rule.out, plan, post->family, i);
                r = nat_chain_add(post, rule);
        }
        return r;
}

/* ---- forwarded packets, and packets to the host itself ---- */

static int plan_fwd(NatChain *fwd, const NatPlan *plan, const NatSide *side) {
        NatRule out = { .source = side->guest_address };
        NatRule in = {
                .destination = side->guest_address,
                .states = NAT_STATE_DNAT | NAT_STATE_RELATED | NAT_STATE_ESTABLISHED,
        };
        int r;

        strncpy(out.in, plan->tap, IFNAMSIZ - 1);
        strncpy(in.out, plan->tap, IFNAMSIZ - 1);
        r = nat_chain_add(fwd, out);
        if (r >= 0)
                r = nat_chain_add(fwd, in);
        in.states = 0;
        return r < 0 || side->masquerade ? r : nat_plan_direct(fwd, plan, in);
}

static NatRule icmp_rule(NatFamily family, uint8_t type, NatVerdict verdict) {
        return (NatRule){ .protocol = families[family].icmp,
                          .icmp_type = type,
                          .verdict = verdict };
}

/* Ports relayed to the guest are open to the guest as to everybody: as far as the host's own rules
 * allow. */
static int plan_proxied(NatChain *in, const NatPlan *plan) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < plan->n_proxied; i++)
                r = nat_chain_add(in, (NatRule){ .protocol = IPPROTO_TCP,
                                                 .first_port = plan->proxied[i].host_first,
                                                 .last_port = plan->proxied[i].host_last,
                                                 .verdict = NAT_RETURN });
        return r;
}

/* Without neighbour discovery IPv6 does not work. */
static int plan_neighbours(NatChain *chain) {
        static const uint8_t types[] = { 135, 136 }; /* solicitation and advertisement */
        int r = 0;

        for (size_t i = 0; chain->family == NAT_IPV6 && r >= 0 && i < ARRAY_SIZE(types); i++)
                r = nat_chain_add(chain, icmp_rule(chain->family, types[i], NAT_ACCEPT));
        return r;
}

/* Replies to the host's own connections and related errors are always accepted, if they come from
 * the guest's own address: else they would be accepted in anybody's name. Neighbour discovery has
 * other addresses. Echo requests are left to the host's own rules. */
static int plan_in(NatChain *in, const NatPlan *plan, const NatSide *side, const NatChain *cnt) {
        int r;

        strncpy(in->jump.in, plan->tap, IFNAMSIZ - 1);
        r = plan_neighbours(in);
        if (r >= 0)
                r = nat_plan_source(in, plan, side);
        if (r >= 0)
                r = nat_chain_add(in,
                                  (NatRule){ .states = NAT_STATE_RELATED | NAT_STATE_ESTABLISHED });
        if (r >= 0)
                r = nat_plan_count(in, cnt);
        if (r < 0 || plan->host_access == NAT_HOST_ALL)
                return r;
        if (plan->host_access == NAT_HOST_ICMP)
                r = nat_chain_add(
                        in, icmp_rule(in->family, families[in->family].echo_request, NAT_RETURN));
        if (r >= 0)
                r = plan_proxied(in, plan);
        return r < 0 ? r : nat_chain_add(in, (NatRule){ .verdict = NAT_DROP });
}

/* What the host itself sends to its guest: probes, relayed connections, errors. */
static int plan_snd(NatChain *snd, const NatPlan *plan, const NatSide *side) {
        int r = plan_neighbours(snd);

        strncpy(snd->jump.out, plan->tap, IFNAMSIZ - 1);
        return r < 0 ? r : nat_chain_add(snd, (NatRule){ .destination = side->guest_address });
}

/* Many networks drop the messages that report the path MTU. */
static int plan_mss(NatChain *mss, const NatPlan *plan) {
        NatRule out = { .protocol = IPPROTO_TCP,
                        .last_port = UINT16_MAX,
                        .syn = true,
                        .verdict = NAT_CLAMP_MSS },
                in = out;
        int r;

        if (!plan->clamp_mss)
                return 0;
        strncpy(out.in, plan->tap, IFNAMSIZ - 1);
        strncpy(in.out, plan->tap, IFNAMSIZ - 1);
        r = nat_chain_add(mss, out);
        return r < 0 ? r : nat_chain_add(mss, in);
}

/* ---- everything ---- */

void nat_chains_init(NatChains *chains, const char *guest) {
        *chains = (NatChains){};
        for (size_t i = 0; i < NAT_CHAIN_MAX; i++) {
                NatChain *c = &chains->chain[i];
                size_t kind = i % NAT_CHAIN_KINDS;

                c->family = (NatFamily) (i / NAT_CHAIN_KINDS);
                c->table = layout[kind].table;
                c->hook = layout[kind].hook;
                c->place = layout[kind].place;
                c->user = kind == NAT_CHAIN_USER;
                (void) snprintf(c->name, sizeof(c->name), "%s%s", layout[kind].prefix,
                                c->user ? "" : guest);
                assert(strlen(c->name) <= 28);
                c->jump.family = c->family;
                c->jump.verdict = NAT_JUMP;
                strcpy(c->jump.chain, c->name);
        }
}

static int plan_side(NatChains *chains, NatFamily family, const NatPlan *plan) {
        const NatSide *side = &plan->side[family];
        NatChain *pre = nat_chain(chains, family, NAT_CHAIN_PRE),
                 *cnt = nat_chain(chains, family, NAT_CHAIN_CNT);
        int r;

        if (ip_address_is_any(&side->guest_address))
                return 0;
        if (plan->only_hold)
                return nat_plan_hold(chains, family, plan);
        nat_chain(chains, family, NAT_CHAIN_USER)->kept = true;
        r = nat_plan_cnt(cnt, plan);
        if (r >= 0)
                r = nat_plan_from(nat_chain(chains, family, NAT_CHAIN_FROM), plan, side, cnt);
        if (r >= 0)
                r = nat_plan_to(nat_chain(chains, family, NAT_CHAIN_TO), plan, side, cnt);
        if (r >= 0)
                r = plan_fwd(nat_chain(chains, family, NAT_CHAIN_FWD), plan, side);
        if (r >= 0)
                r = plan_in(nat_chain(chains, family, NAT_CHAIN_IN), plan, side, cnt);
        if (r >= 0)
                r = plan_snd(nat_chain(chains, family, NAT_CHAIN_SND), plan, side);
        if (r >= 0 && nat_has_forwards(side, family))
                r = nat_plan_pre(pre, plan);
        if (r >= 0)
                r = nat_plan_uplinks(nat_chain(chains, family, NAT_CHAIN_LOC), pre, plan, 1);
        if (r >= 0)
                r = nat_plan_near(nat_chain(chains, family, NAT_CHAIN_LOC), pre, side);
        if (r >= 0)
                r = nat_plan_near(nat_chain(chains, family, NAT_CHAIN_OUT), pre, side);
        if (r >= 0)
                r = plan_post(nat_chain(chains, family, NAT_CHAIN_POST), plan, side,
                              pre->n_rules > 0);
        if (r >= 0)
                r = plan_mss(nat_chain(chains, family, NAT_CHAIN_MSS), plan);
        return r < 0 ? r : nat_plan_hold(chains, family, plan);
}

int nat_chains_plan(NatChains *chains, const NatPlan *plan) {
        int r = 0;

        nat_chains_init(chains, plan->guest);
        chains->fresh = plan->fresh;
        for (NatFamily f = 0; r >= 0 && f < NAT_FAMILY_MAX; f++)
                r = plan_side(chains, f, plan);
        return r;
}

static uint64_t hash_text(uint64_t hash, const char *text) {
        return hash_bytes(hash, text, strlen(text) + 1);
}

static uint64_t hash_address(uint64_t hash, const IpAddress *a) {
        hash = hash_bytes(hash, &a->v4, sizeof(a->v4));
        return hash_bytes(hash, &a->v6, sizeof(a->v6));
}

/* Field by field, as nat_rule_equal() compares them, because of the padding between them. */
static uint64_t hash_rule(uint64_t hash, const NatRule *r) {
        const uint32_t numbers[] = { r->family,  r->protocol,   r->first_port,  r->last_port,
                                     r->syn,     r->icmp_type,  r->states,      r->verdict,
                                     r->to_port, r->not_source, r->source_bits, r->destination_bits,
                                     r->above,   r->queue,      r->fresh };

        hash = hash_bytes(hash, numbers, sizeof(numbers));
        hash = hash_bytes(hash, r->not_mac, sizeof(r->not_mac));
        hash = hash_text(hash_text(hash_text(hash, r->in), r->out), r->chain);
        hash = hash_address(hash_address(hash, &r->source), &r->destination);
        return hash_address(hash, &r->to_address);
}

uint64_t nat_chains_hash(const NatChains *chains) {
        uint64_t hash = HASH_BASIS;

        FOREACH_ELEMENT (c, chains->chain) {
                hash = hash_bytes(hash, &c->n_rules, sizeof(c->n_rules));
                hash = hash_bytes(hash, &c->kept, sizeof(c->kept));
                hash = hash_rule(hash_text(hash, c->name), &c->jump);
                for (size_t i = 0; i < c->n_rules; i++)
                        hash = hash_rule(hash, &c->rules[i]);
        }
        return hash;
}

void nat_chains_done(NatChains *chains) {
        for (size_t i = 0; i < NAT_CHAIN_MAX; i++)
                free(chains->chain[i].rules);
}
