/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nft-rules.c - reads the host's own rules in nf_tables. */

#include <stdio.h>
#include <stdlib.h>

#include "basic/cleanup.h"
#include "nat/nft-eval.h"
#include "nat/nft-netlink.h"
#include "nat/nft-rules.h"
#include "nat/trip.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#define ATTEMPTS     5
#define RULES_MAX    20000
#define BYTES_MAX    (16U << 20)
#define ELEMENTS_MAX 65536 /* of a set that is looked at */

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
        char *found;             /* the data of the last look-up */
};

NftRules *nft_rules_free(NftRules *r) {
        if (!r)
                return NULL;
        free(r->chains);
        free(r->rules);
        free(r->bytes);
        free(r->found);
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

static NftChain *find_chain(const NftRules *r, uint8_t family, const char *table,
                            const char *name) {
        for (size_t i = 0; i < r->n_chains; i++)
                if (r->chains[i].family == family && streq(r->chains[i].name, name) &&
                    streq(r->chains[i].table, table))
                        return &r->chains[i];
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
        NftChain *chain = name ? find_chain(r, o->family, o->table, name) : NULL;
        int e;

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

static int load(NftRules **ret) {
        _cleanup_(nft_rules_freep) NftRules *rules = calloc(1, sizeof(*rules));
        int r = rules ? nft_foreach(NFT_CHAINS, add_chain, rules) : -ENOMEM;

        if (r >= 0 && matters(rules))
                r = nft_foreach(NFT_RULES, add_rule, rules);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(rules);
        return 0;
}

int nft_rules_load(NftRules **ret) {
        int r = -EINTR;

        for (int i = 0; i < ATTEMPTS && r == -EINTR; i++)
                r = load(ret);
        return r;
}

size_t nft_rules_chains(const NftRules *r, const NftChain **ret) {
        *ret = r->chains;
        return r->n_chains;
}

/* ---- sets ---- */

/* The interval that a key is in begins with the greatest of the elements that are not above it. */
typedef struct Search {
        const NftValue *key;
        Match match;
        bool intervals, found, is_end;
        uint8_t best[NFT_DATA_MAX];
        size_t size, n;
        char *data; /* of the element that was found, owned */
        size_t data_size;
} Search;

static int take_data(Search *s, const void *element, size_t size) {
        size_t n;
        const void *data = nft_attribute(element, size, NFTA_SET_ELEM_DATA, &n);

        free(s->data);
        s->data = NULL;
        s->data_size = 0;
        if (!data)
                return 0;
        s->data = malloc(n);
        if (!s->data)
                return -ENOMEM;
        memcpy(s->data, data, n);
        s->data_size = n;
        return 0;
}

/* Is the data found so far a verdict that does no harm, or nothing? */
static bool is_harmless(const Search *s) {
        size_t n;
        const void *verdict =
                s->data ? nft_attribute(s->data, s->data_size, NFTA_DATA_VERDICT, &n) : NULL;
        uint32_t code;

        return !verdict || (nft_number(verdict, n, NFTA_VERDICT_CODE, &code) && code == NF_ACCEPT);
}

static bool is_below_best(const Search *s, const void *key, size_t size, bool is_end) {
        int order;

        if (!s->found || s->size != size)
                return false;
        order = memcmp(key, s->best, size);
        return order < 0 || (order == 0 && is_end);
}

static Match all_known(const NftValue *v, size_t size) {
        for (size_t i = 0; i < size; i++)
                if (i >= v->size || v->known[i] != NFT_KNOWN)
                        return v->known[i] == NFT_STRANGERS ? MATCH_NO : MATCH_MAYBE;
        return MATCH_YES;
}

/* The beginning or end of an interval, or an element that stands for itself. */
static int look_at_key(Search *s, const void *element, size_t size, const void *key, size_t n,
                       bool is_end) {
        if (memcmp(s->key->bytes, key, n) < 0 || is_below_best(s, key, n, is_end))
                return 0;
        s->found = true;
        s->is_end = is_end;
        s->size = n;
        memcpy(s->best, key, n);
        return take_data(s, element, size);
}

static int look_at_element(const void *element, size_t size, void *userdata) {
        Search *s = userdata;
        size_t n = 0, m;
        const void *outer = nft_attribute(element, size, NFTA_SET_ELEM_KEY, &m),
                   *key = outer ? nft_attribute(outer, m, NFTA_DATA_VALUE, &n) : NULL;
        uint32_t flags = 0;
        Match known;

        if (++s->n > ELEMENTS_MAX)
                return -E2BIG;
        (void) nft_number(element, size, NFTA_SET_ELEM_FLAGS, &flags);
        s->intervals |= flags & NFT_SET_ELEM_INTERVAL_END;
        if (!key || n > NFT_DATA_MAX || nft_attribute(element, size, NFTA_SET_ELEM_KEY_END, &m)) {
                s->match = MATCH_MAYBE; /* a wildcard, or several fields with ranges */
                return 0;
        }
        known = all_known(s->key, n);
        if (known == MATCH_YES)
                return look_at_key(s, element, size, key, n, flags & NFT_SET_ELEM_INTERVAL_END);
        /* Not all of the key is known; the worst that an element may do is worth knowing. */
        if (known == MATCH_MAYBE && nft_value_equal(s->key, key, n) != MATCH_NO) {
                s->match = MATCH_MAYBE;
                return is_harmless(s) ? take_data(s, element, size) : 0;
        }
        return 0;
}

static Match conclude(const Search *s) {
        if (s->match == MATCH_MAYBE)
                return MATCH_MAYBE;
        if (!s->found)
                return MATCH_NO;
        if (s->intervals)
                return match_of(!s->is_end);
        return match_of(memcmp(s->best, s->key->bytes, s->size) == 0);
}

static Match lookup(const void *userdata, const char *set, const NftValue *key,
                    const void **ret_data, size_t *ret_size) {
        NftRules *r = (NftRules *) userdata;
        Search s = { .key = key };
        int e = nft_foreach_element(r->current->family, r->current->table, set, look_at_element,
                                    &s);

        free(r->found);
        r->found = s.data;
        *ret_data = s.data;
        *ret_size = s.data_size;
        return e < 0 ? MATCH_MAYBE : conclude(&s);
}

/* ---- walking ---- */

static const void *rule_at(const NftRules *r, size_t index) {
        return index > 0 ? &r->rules[index - 1] : NULL;
}

static const void *first_rule(const void *rules, const char *chain) {
        const NftRules *r = rules;
        const NftChain *c = find_chain(r, r->current->family, r->current->table, chain);

        return c ? rule_at(r, c->first) : NULL;
}

static const void *next_rule(const void *rules, const void *rule) {
        return rule_at(rules, ((const NftRule *) rule)->next);
}

static void judge(const void *rules, const void *rule, const Packet *p, Step *ret) {
        const NftRules *r = rules;
        const NftRule *one = rule;

        nft_rule_judge(r->bytes + one->at, one->size, p, lookup, r, ret);
}

Ruleset nft_rules_of(NftRules *r, const NftChain *chain) {
        r->current = chain;
        return (Ruleset){ first_rule, next_rule, judge, r };
}
