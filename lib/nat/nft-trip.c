/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nft-trip.c - takes connections through nf_tables. */

#include <stdio.h>

#include "nat/firewall.h"
#include "nat/nft-rules.h"
#include "nat/trip.h"

#include <linux/netfilter.h>

#define NAT_PRIORITY (-99) /* of ours: what is behind it takes nothing from us */

static bool sees(const NftChain *c, NatFamily family) {
        return c->family == NFPROTO_INET ||
               c->family == (family == NAT_IPV6 ? NFPROTO_IPV6 : NFPROTO_IPV4);
}

static Firewall firewall_of(const NftRules *rules, const NftChain *base, const char *chain) {
        Firewall guess = firewall_guess(base->table, chain);
        const NftChain *all;
        size_t n = nft_rules_chains(rules, &all);

        for (size_t i = 0; guess == FIREWALL_OTHER && i < n; i++)
                if (all[i].family == base->family && streq(all[i].table, base->table))
                        guess = firewall_better(guess, firewall_guess("", all[i].name));
        return guess;
}

static void walk_packet(NftRules *rules, const NftChain *c, const Trip *t, const Packet *p,
                        Obstacles *list) {
        const Ruleset set = nft_rules_of(rules, c);
        Obstacle o = { .family = t->family,
                       .ways = 1U << t->way,
                       .table_family = c->family,
                       .protocol = t->protocol,
                       .port = t->host_port };
        Walk w;

        if (!p->passes)
                return;
        walk(&set, c->name, c->drops, NULL, p, &w);
        if (nft_rules_late(rules))
                return;
        if ((w.end != WALK_DROPS && w.end != WALK_MAY_DROP) || chain_is_ours(c->table, w.chain))
                return;
        o.reply = p->reply;
        o.certain = w.end == WALK_DROPS;
        o.policy = w.policy;
        snprintf(o.table, sizeof(o.table), "%s", c->table);
        snprintf(o.base, sizeof(o.base), "%s", c->name);
        snprintf(o.chain, sizeof(o.chain), "%s", w.chain);
        o.firewall = firewall_of(rules, c, w.chain);
        obstacles_add(list, &o);
}

static void find_taking(NftRules *rules, const NftChain *c, const Trip *t, Taking *ret) {
        const Ruleset set = nft_rules_of(rules, c);
        Packet packets[TRIP_PACKETS];
        Walk w;

        trip_packets(t, packets);
        walk(&set, c->name, false, NULL, &packets[PACKET_PREROUTING], &w);
        if (w.end != WALK_TAKES || nft_rules_late(rules))
                return;
        *ret = (Taking){ .taken = true };
        snprintf(ret->table, sizeof(ret->table), "%s", c->table);
        snprintf(ret->chain, sizeof(ret->chain), "%s", w.chain);
}

int nft_trips(const Trip *trips, size_t n, Obstacles *list, Taking *taking) {
        _cleanup_(nft_rules_freep) NftRules *rules = NULL;
        const NftChain *chains;
        size_t n_chains;
        int r = nft_rules_load(&rules);

        if (r < 0)
                return r;
        n_chains = nft_rules_chains(rules, &chains);
        for (const NftChain *c = chains; c < chains + n_chains && !nft_rules_late(rules); c++) {
                if (!c->base || !sees(c, trips[0].family))
                        continue;
                if (c->nat) {
                        if (taking && trips[0].way == NAT_WAY_IN && c->hook == PACKET_PREROUTING &&
                            c->priority < NAT_PRIORITY)
                                find_taking(rules, c, &trips[0], taking);
                        continue;
                }
                for (size_t i = 0; i < n; i++) {
                        Packet packets[TRIP_PACKETS];

                        trip_packets(&trips[i], packets);
                        walk_packet(rules, c, &trips[i], &packets[c->hook], list);
                        walk_packet(rules, c, &trips[i], &packets[PACKET_HOOKS + c->hook], list);
                }
        }
        return nft_rules_late(rules) ? -ETIME : 0;
}
