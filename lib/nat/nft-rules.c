/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nft-rules.c - reads the host's own rules in nf_tables. */

#include <stdio.h>
#include <stdlib.h>

#include "basic/cleanup.h"
#include "nat/nft-eval.h"
#include "nat/nft-netlink.h"
#include "nat/nft-rules.h"
#include "nat/nft-sets.h"
#include "nat/trip.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#define ATTEMPTS  5
#define RULES_MAX 20000
#define BYTES_MAX (16U << 20)
#define TIME_MAX  (50 * USEC_PER_MSEC)

/* Indexes are from 1, because 0 is none. */
struct NftRule {
        size_t next;     /* of the same chain */
        size_t at, size; /* its expressions, in `bytes` */
};

struct NftRules {
        NftChain *chains;
        size_t n_chains;
        NftRule *rules;
        size_t n_rules, n_allocated;
        char *bytes;
        size_t n_bytes, n_reserved;
        const NftChain *current; /* whose table is walked through */
        size_t last;             /* the chain found last: the rules of a chain come together */
        NftSets sets;
        Budget budget;
};

NftRules *nft_rules_free(NftRules *r) {
        if (!r)
                return NULL;
        free(r->chains);
        free(r->rules);
        free(r->bytes);
        nft_sets_done(&r->sets);
        free(r);
        return NULL;
}

/* ---- reading ---- */

static const struct {
        uint32_t number;
        PacketHook hook;
} hooks[] = { { NF_INET_PRE_ROUTING, PACKET_PREROUTING },
              { NF_INET_LOCAL_IN, PACKET_INPUT },
              { NF_INET_FORWARD, PACKET_FORWARD },
              { NF_INET_LOCAL_OUT, PACKET_OUTPUT },
              { NF_INET_POST_ROUTING, PACKET_POSTROUTING } };

static bool read_hook(const NftObject *o, NftChain *c) {
        size_t n;
        const void *hook = nft_attribute(o->attributes, o->size, NFTA_CHAIN_HOOK, &n);
        const char *type = nft_text(o->attributes, o->size, NFTA_CHAIN_TYPE);
        uint32_t number, priority, policy;

        if (!hook || !nft_number(hook, n, NFTA_HOOK_HOOKNUM, &number) ||
            !nft_number(hook, n, NFTA_HOOK_PRIORITY, &priority))
                return false;
        c->priority = (int) priority;
        c->nat = type && streq(type, "nat");
        c->drops =
                nft_number(o->attributes, o->size, NFTA_CHAIN_POLICY, &policy) && policy == NF_DROP;
        FOREACH_ELEMENT (h, hooks)
                if (h->number == number) {
                        c->hook = h->hook;
                        return true;
                }
        return false;
}

static int add_chain(const NftObject *o, void *userdata) {
        const char *name = nft_text(o->attributes, o->size, NFTA_CHAIN_NAME);
        NftRules *r = userdata;
        NftChain *grown;

        if (budget_spent(&r->budget))
                return -ETIME;
        if (!name || chain_is_ours(o->table, "") || o->family == NFPROTO_ARP ||
            o->family == NFPROTO_BRIDGE || o->family == NFPROTO_NETDEV)
                return 0;
        grown = reallocarray(r->chains, r->n_chains + 1, sizeof(*grown));
        if (!grown)
                return -ENOMEM;
        r->chains = grown;
        grown += r->n_chains++;
        *grown = (NftChain){ .family = o->family };
        snprintf(grown->table, sizeof(grown->table), "%s", o->table);
        snprintf(grown->name, sizeof(grown->name), "%s", name);
        grown->base = read_hook(o, grown);
        return 0;
}

static NftChain *find_chain(NftRules *r, uint8_t family, const char *table, const char *name) {
        for (size_t i = 0; i < r->n_chains; i++) {
                size_t at = (r->last + i) % r->n_chains;
                NftChain *c = &r->chains[at];

                if (c->family == family && streq(c->name, name) && streq(c->table, table)) {
                        r->last = at;
                        return c;
                }
        }
        return NULL;
}

static int reserve(NftRules *r, size_t size) {
        char *bytes = r->bytes;
        NftRule *rules = r->rules;

        if (r->n_rules == RULES_MAX || r->n_bytes + size > BYTES_MAX)
                return -E2BIG;
        if (r->n_bytes + size > r->n_reserved) {
                r->n_reserved = 2 * (r->n_bytes + size);
                bytes = realloc(bytes, r->n_reserved);
        }
        if (!bytes)
                return -ENOMEM;
        r->bytes = bytes;
        if (r->n_rules == r->n_allocated) {
                rules = reallocarray(rules, 2 * r->n_allocated + 16, sizeof(*rules));
                r->n_allocated = 2 * r->n_allocated + 16;
        }
        if (!rules)
                return -ENOMEM;
        r->rules = rules;
        return 0;
}

/* The expressions stay aligned as attributes are. */
static int add_rule(const NftObject *o, void *userdata) {
        const char *name = nft_text(o->attributes, o->size, NFTA_RULE_CHAIN);
        NftRules *r = userdata;
        size_t size = 0, padded;
        const void *list = nft_attribute(o->attributes, o->size, NFTA_RULE_EXPRESSIONS, &size);
        NftChain *chain;
        int e;

        if (budget_spent(&r->budget))
                return -ETIME;
        chain = name ? find_chain(r, o->family, o->table, name) : NULL;
        if (!chain || !list)
                return 0;
        padded = (size + 7) & ~(size_t) 7;
        e = reserve(r, padded);
        if (e < 0)
                return e;
        memset(r->bytes + r->n_bytes, 0, padded);
        memcpy(r->bytes + r->n_bytes, list, size);
        r->rules[r->n_rules++] = (NftRule){ .at = r->n_bytes, .size = size };
        r->n_bytes += padded;
        if (chain->last > 0)
                r->rules[chain->last - 1].next = r->n_rules;
        else
                chain->first = r->n_rules;
        chain->last = r->n_rules;
        return 0;
}

static bool matters(const NftRules *r) {
        for (size_t i = 0; i < r->n_chains; i++)
                if (r->chains[i].base)
                        return true;
        return false;
}

static int load(Budget budget, NftRules **ret) {
        _cleanup_(nft_rules_freep) NftRules *rules = calloc(1, sizeof(*rules));
        int r;

        if (!rules)
                return -ENOMEM;
        rules->budget = budget;
        r = nft_foreach(NFT_CHAINS, add_chain, rules);
        if (r >= 0 && matters(rules))
                r = nft_foreach(NFT_RULES, add_rule, rules);
        if (r >= 0 && rules->n_rules > 0)
                r = nft_sets_load(&rules->sets, &rules->budget);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(rules);
        return 0;
}

int nft_rules_load(NftRules **ret) {
        const Budget budget = budget_of(TIME_MAX);
        int r = -EINTR;

        for (int i = 0; i < ATTEMPTS && r == -EINTR; i++)
                r = load(budget, ret);
        return r;
}

bool nft_rules_late(const NftRules *r) {
        return r->budget.spent;
}

size_t nft_rules_chains(const NftRules *r, const NftChain **ret) {
        *ret = r->chains;
        return r->n_chains;
}

/* ---- walking ---- */

static const void *rule_at(const NftRules *r, size_t index) {
        return index > 0 ? &r->rules[index - 1] : NULL;
}

static const void *first_rule(const void *rules, const char *chain) {
        NftRules *r = (NftRules *) rules;
        const NftChain *c = find_chain(r, r->current->family, r->current->table, chain);

        return c ? rule_at(r, c->first) : NULL;
}

static const void *next_rule(const void *rules, const void *rule) {
        return rule_at(rules, ((const NftRule *) rule)->next);
}

static Match lookup(const void *rules, const char *set, const NftValue *key, const void **ret_data,
                    size_t *ret_size) {
        NftRules *r = (NftRules *) rules;

        return nft_sets_lookup(&r->sets, r->current->family, r->current->table, set, key, ret_data,
                               ret_size);
}

static void judge(const void *rules, const void *rule, const Packet *p, Step *ret) {
        NftRules *r = (NftRules *) rules;
        const NftRule *one = rule;

        if (budget_spent(&r->budget))
                *ret = (Step){ .match = MATCH_NO };
        else
                nft_rule_judge(r->bytes + one->at, one->size, p, lookup, r, ret);
}

Ruleset nft_rules_of(NftRules *r, const NftChain *chain) {
        r->current = chain;
        return (Ruleset){ first_rule, next_rule, judge, r };
}
