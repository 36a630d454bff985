/* SPDX-License-Identifier: GPL-2.0-or-later */
/* flow.c - compares a tracked flow with what the rules would make of it now. */

#include "nat/flow.h"

static const NatChain *chain_of(const NatChains *chains, NatFamily family, int kind) {
        return &chains->chain[(int) family * NAT_CHAIN_KINDS + kind];
}

static bool end_equal(const ConntrackEnd *a, const ConntrackEnd *b) {
        return a->port == b->port && ip_address_equal(&a->address, &b->address);
}

static bool any_or(const IpAddress *wanted, uint8_t bits, const IpAddress *a) {
        const IpPrefix p = { *wanted, bits };

        return ip_prefix_is_any(&p) || ip_prefix_has(&p, a);
}

static bool has_ports(uint8_t protocol) {
        return protocol == IPPROTO_TCP || protocol == IPPROTO_UDP;
}

/* By what is known of a flow: it comes from the guest's own interface, and is not one too many. */
static bool matches(const NatRule *r, const ConntrackFlow *f) {
        if (nat_rule_has_mac(r) || r->above > 0 || r->fresh || r->verdict == NAT_JUMP)
                return false;
        return (r->protocol == 0 || r->protocol == f->protocol) &&
               (!has_ports(r->protocol) ||
                (r->first_port <= f->to.port && f->to.port <= r->last_port)) &&
               any_or(&r->source, r->source_bits, &f->from.address) != r->not_source &&
               any_or(&r->destination, r->destination_bits, &f->to.address);
}

/* The rule that decides about the first packet of such a flow; NULL: none does. */
static const NatRule *decide(const NatChain *chain, const ConntrackFlow *f) {
        for (size_t i = 0; i < chain->n_rules; i++)
                if (chain->rules[i].states == 0 && matches(&chain->rules[i], f))
                        return &chain->rules[i];
        return NULL;
}

/* The address of the guest, which the host may always send to. */
static IpAddress guest_of(const NatChains *chains, NatFamily family) {
        const NatChain *snd = chain_of(chains, family, NAT_CHAIN_SND);

        return snd->n_rules > 0 ? snd->rules[snd->n_rules - 1].destination : (IpAddress){};
}

static bool is_guest(const NatChains *chains, NatFamily family, const IpAddress *a) {
        IpAddress guest = chains ? guest_of(chains, family) : (IpAddress){};

        return !ip_address_is_any(&guest) && ip_address_equal(&guest, a);
}

/* ---- where it goes ---- */

static const NatRule *forward_of(const NatChains *chains, NatFamily family,
                                 const ConntrackFlow *f) {
        const NatRule *r = decide(chain_of(chains, family, NAT_CHAIN_PRE), f);

        return r && r->verdict == NAT_DNAT ? r : NULL;
}

/* Do these rules send it where it goes? */
static bool leads(const NatChains *chains, NatFamily family, const ConntrackFlow *f) {
        const NatRule *r = forward_of(chains, family, f);

        return r && ip_address_equal(&r->to_address, &f->reply_from.address) &&
               (r->to_port ?: f->to.port) == f->reply_from.port;
}

/* Is it an address whose ports are forwarded, from wherever? */
static bool is_public(const NatChains *chains, NatFamily family, const IpAddress *a) {
        const NatChain *near = chain_of(chains, family, NAT_CHAIN_LOC);

        for (size_t i = 0; i < near->n_rules; i++)
                if (ip_address_equal(&near->rules[i].destination, a))
                        return true;
        return false;
}

/* It goes to the host itself, but would be forwarded. A TCP connection that is up is left alone: it
 * ends by itself, and the next one goes the new way; so is what a service of the host answers
 * on a port that nobody has named. */
static bool is_not_forwarded(const NatChains *now, NatFamily family, const ConntrackFlow *f) {
        const NatRule *r =
                is_public(now, family, &f->to.address) ? forward_of(now, family, f) : NULL;
        bool named = r && !(r->first_port <= 1 && r->last_port == UINT16_MAX);

        return r && !f->established && (named || !f->replied);
}

static bool goes_wrong(const NatChains *before, const NatChains *now, NatFamily family,
                       const ConntrackFlow *f) {
        if (end_equal(&f->to, &f->reply_from))
                return is_not_forwarded(now, family, f);
        return before && leads(before, family, f) && !leads(now, family, f);
}

/* ---- where it seems to come from ---- */

static const NatRule *masquerade_of(const NatChains *chains, NatFamily family) {
        const NatChain *post = chain_of(chains, family, NAT_CHAIN_POST);

        for (size_t i = 0; i < post->n_rules; i++)
                if (post->rules[i].states == 0 && ip_address_is_any(&post->rules[i].destination))
                        return &post->rules[i];
        return NULL;
}

static bool same_masquerade(const NatRule *a, const NatRule *b) {
        if (!a || !b)
                return a == b;
        return a->verdict == b->verdict && ip_address_equal(&a->to_address, &b->to_address);
}

/* Translated by rules of ours that were others. MASQUERADE takes any address of the host's. */
static bool is_translated_otherwise(const NatChains *before, const NatChains *now, NatFamily family,
                                    const ConntrackFlow *f) {
        const NatRule *is = masquerade_of(now, family);

        if (!before || same_masquerade(masquerade_of(before, family), is))
                return false;
        return !is || (is->verdict == NAT_SNAT &&
                       !ip_address_equal(&is->to_address, &f->reply_to.address));
}

/* Of what the guest itself began with somebody outside. If that has an answer without translation,
 * somebody wants it so. */
static bool comes_wrong(const NatChains *before, const NatChains *now, NatFamily family,
                        const ConntrackFlow *f, const NatFlowHost *host) {
        if (!ip_address_equal(&f->from.address, &f->reply_to.address))
                return !host->owns(&f->reply_to.address, host->userdata) ||
                       is_translated_otherwise(before, now, family, f);
        return !f->replied && masquerade_of(now, family) &&
               !host->owns(&f->to.address, host->userdata) &&
               host->leaves(&f->to.address, host->userdata);
}

static bool is_one_armed(const NatChains *chains, NatFamily family) {
        const NatChain *post = chain_of(chains, family, NAT_CHAIN_POST);

        for (size_t i = 0; i < post->n_rules; i++)
                if (post->rules[i].states & NAT_STATE_DNAT)
                        return true;
        return false;
}

/* ---- what it may reach ---- */

static bool is_refused(const NatChains *chains, NatFamily family, const ConntrackFlow *f) {
        const NatRule *r = decide(chain_of(chains, family, NAT_CHAIN_IN), f);

        return r && r->verdict == NAT_DROP;
}

/* The guest's own connection to the host, which is no more its to have. */
static bool is_refused_now(const NatChains *before, const NatChains *now, NatFamily family,
                           const ConntrackFlow *f, const NatFlowHost *host) {
        return before && has_ports(f->protocol) && end_equal(&f->to, &f->reply_from) &&
               host->owns(&f->to.address, host->userdata) && is_refused(now, family, f) &&
               !is_refused(before, family, f);
}

/* Has the guest gone, with all that it may do? */
static bool is_gone(const NatChains *before, const NatChains *now, NatFamily family) {
        IpAddress was = before ? guest_of(before, family) : (IpAddress){},
                  is = guest_of(now, family);

        return !ip_address_is_any(&was) && ip_address_is_any(&is);
}

bool nat_flow_contradicts(const NatChains *before, const NatChains *now, NatFamily family,
                          const ConntrackFlow *f, const NatFlowHost *host) {
        bool from = is_guest(now, family, &f->from.address) ||
                    is_guest(before, family, &f->from.address);
        bool to = is_guest(now, family, &f->reply_from.address) ||
                  is_guest(before, family, &f->reply_from.address);

        if (!from && !to && !is_public(now, family, &f->to.address))
                return false;
        if (goes_wrong(before, now, family, f) || ((from || to) && is_gone(before, now, family)))
                return true;
        if (to)
                return !from && before && leads(now, family, f) &&
                       is_one_armed(before, family) != is_one_armed(now, family);
        return from && (comes_wrong(before, now, family, f, host) ||
                        is_refused_now(before, now, family, f, host));
}
