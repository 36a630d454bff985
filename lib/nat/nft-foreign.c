/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nft-foreign.c - inspects the host's own nftables; never changes them. */

#include <stdio.h>

#include "nat/nft-foreign.h"
#include "nat/nft-netlink.h"
#include "nat/nft-script.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nf_tables_compat.h>
#include <linux/netlink.h>

#define ATTEMPTS 5

static bool is_foreign(const NftObject *o) {
        return !startswith(o->table, NFT_TABLE_PREFIX) && !streq(o->table, NFT_USER_TABLE);
}

/* Again if something changed meanwhile. */
static int foreach_again(NftKind kind, int (*fn)(const NftObject *o, void *userdata),
                         void *userdata) {
        int r = -EINTR;

        for (int i = 0; i < ATTEMPTS && r == -EINTR; i++)
                r = nft_foreach(kind, fn, userdata);
        return r;
}

static bool drops_by_policy(const NftObject *chain) {
        uint32_t policy;

        return nft_number(chain->attributes, chain->size, NFTA_CHAIN_POLICY, &policy) &&
               policy == NF_DROP;
}

static int find_dropping_chain(const NftObject *o, void *userdata) {
        (void) userdata;
        return is_foreign(o) && drops_by_policy(o);
}

static int find_rule(const NftObject *o, void *userdata) {
        (void) userdata;
        return is_foreign(o);
}

int nft_host_has_rules(void) {
        int r = foreach_again(NFT_CHAINS, find_dropping_chain, NULL);

        return r != 0 ? r : foreach_again(NFT_RULES, find_rule, NULL);
}

/* ---- chains that see forwarded packets ---- */

static bool sees_forwarded(const NftObject *chain, bool ipv6) {
        const void *hook;
        uint32_t number;
        size_t n;

        if (chain->family != NFPROTO_INET && chain->family != NFPROTO_IPV4 &&
            (chain->family != NFPROTO_IPV6 || !ipv6))
                return false;
        hook = nft_attribute(chain->attributes, chain->size, NFTA_CHAIN_HOOK, &n);
        return hook && nft_number(hook, n, NFTA_HOOK_HOOKNUM, &number) && number == NF_INET_FORWARD;
}

static void set_place(NftBarrier *b, const NftObject *chain, const char *name) {
        b->family = chain->family;
        snprintf(b->table, sizeof(b->table), "%s", chain->table);
        snprintf(b->chain, sizeof(b->chain), "%s", name);
}

typedef struct Earlier {
        int priority;
        NftBarrier list[NFT_BARRIERS_MAX];
        size_t n;
        int rules;
} Earlier;

static int add_earlier(const NftObject *o, void *userdata) {
        const char *name = nft_text(o->attributes, o->size, NFTA_CHAIN_NAME);
        Earlier *e = userdata;
        const void *hook;
        uint32_t priority;
        size_t n;

        if (!is_foreign(o) || !name || !sees_forwarded(o, true) || e->n == ARRAY_SIZE(e->list))
                return 0;
        hook = nft_attribute(o->attributes, o->size, NFTA_CHAIN_HOOK, &n);
        if (nft_number(hook, n, NFTA_HOOK_PRIORITY, &priority) && (int) priority < e->priority)
                set_place(&e->list[e->n++], o, name);
        return 0;
}

static int count_rule(const NftObject *o, void *userdata) {
        const char *chain = nft_text(o->attributes, o->size, NFTA_RULE_CHAIN);
        Earlier *e = userdata;

        for (const NftBarrier *b = e->list; chain && b < e->list + e->n; b++)
                e->rules += b->family == o->family && streq(b->table, o->table) &&
                            streq(b->chain, chain);
        return 0;
}

int nft_forward_rules_before(int priority) {
        Earlier e;
        int r = -EINTR;

        for (int i = 0; i < ATTEMPTS && r == -EINTR; i++) {
                e = (Earlier){ .priority = priority };
                r = nft_foreach(NFT_CHAINS, add_earlier, &e);
                if (r >= 0 && e.n > 0)
                        r = nft_foreach(NFT_RULES, count_rule, &e);
        }
        return r < 0 ? r : e.rules;
}

/* ---- barriers ---- */

typedef struct Candidate {
        NftBarrier barrier;
        bool policy_drops, last_drops; /* drops every packet: by its policy, or its last rule */
        bool knows_tap;                /* a rule names the guest's tap */
} Candidate;

typedef struct Search {
        const char *tap;
        bool ipv6;
        Candidate list[NFT_BARRIERS_MAX];
        size_t n;
} Search;

static int add_candidate(const NftObject *o, void *userdata) {
        const char *name = nft_text(o->attributes, o->size, NFTA_CHAIN_NAME);
        Search *s = userdata;
        Candidate *c = &s->list[s->n];

        if (!is_foreign(o) || !name || !sees_forwarded(o, s->ipv6) || s->n == ARRAY_SIZE(s->list))
                return 0;
        *c = (Candidate){ .policy_drops = drops_by_policy(o) };
        set_place(&c->barrier, o, name);
        s->n++;
        return 0;
}

static bool is_drop(const void *data, size_t size) {
        size_t n, m;
        uint32_t code;
        const void *value = nft_attribute(data, size, NFTA_IMMEDIATE_DATA, &n),
                   *verdict = value ? nft_attribute(value, n, NFTA_DATA_VERDICT, &m) : NULL;

        return verdict && nft_number(verdict, m, NFTA_VERDICT_CODE, &code) && code == NF_DROP;
}

/* One expression of a rule: does it pass every packet on to the next one, end the rule for each, or
 * match some? */
typedef enum Effect {
        EFFECT_NONE,
        EFFECT_END,
        EFFECT_OTHER,
} Effect;

static Effect effect(const void *expression, size_t size) {
        const char *name = nft_text(expression, size, NFTA_EXPR_NAME), *target;
        size_t n = 0;
        const void *data = nft_attribute(expression, size, NFTA_EXPR_DATA, &n);

        if (!name)
                return EFFECT_OTHER;
        if (streq(name, "counter") || streq(name, "log"))
                return EFFECT_NONE;
        if (streq(name, "reject") || (streq(name, "immediate") && data && is_drop(data, n)))
                return EFFECT_END;
        /* As iptables-nft(8) writes it. */
        target = streq(name, "target") && data ? nft_text(data, n, NFTA_TARGET_NAME) : NULL;
        return target && streq(target, "REJECT") ? EFFECT_END : EFFECT_OTHER;
}

/* Does the rule drop or reject every packet that reaches it? */
static bool drops_all(const NftObject *rule) {
        const void *list, *expression;
        size_t n, size;

        list = nft_attribute(rule->attributes, rule->size, NFTA_RULE_EXPRESSIONS, &n);
        while (list && (expression = nft_attribute(list, n, NFTA_LIST_ELEM, &size))) {
                const char *end = (const char *) expression + NLA_ALIGN(size);
                Effect e = effect(expression, size);

                if (e != EFFECT_NONE)
                        return e == EFFECT_END;
                n -= MIN(n, (size_t) (end - (const char *) list));
                list = end;
        }
        return false;
}

static int look_at_rule(const NftObject *o, void *userdata) {
        const char *chain = nft_text(o->attributes, o->size, NFTA_RULE_CHAIN);
        Search *s = userdata;

        for (Candidate *c = s->list; c < s->list + s->n; c++) {
                if (c->barrier.family != o->family || !streq(c->barrier.table, o->table))
                        continue;
                if (memmem(o->attributes, o->size, s->tap, strlen(s->tap) + 1))
                        c->knows_tap = true;
                if (chain && streq(chain, c->barrier.chain))
                        c->last_drops = drops_all(o);
        }
        return 0;
}

int nft_forward_barriers(const char *tap, bool ipv6, NftBarrier ret[static NFT_BARRIERS_MAX]) {
        Search s;
        int n = 0, r = -EINTR;

        for (int i = 0; i < ATTEMPTS && r == -EINTR; i++) {
                s = (Search){ .tap = tap, .ipv6 = ipv6 };
                r = nft_foreach(NFT_CHAINS, add_candidate, &s);
                if (r >= 0 && s.n > 0)
                        r = nft_foreach(NFT_RULES, look_at_rule, &s);
        }
        if (r < 0)
                return r;
        for (const Candidate *c = s.list; c < s.list + s.n; c++)
                if ((c->policy_drops || c->last_drops) && !c->knows_tap)
                        ret[n++] = c->barrier;
        return n;
}
