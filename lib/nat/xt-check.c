/* SPDX-License-Identifier: GPL-2.0-or-later */
/* xt-check.c - tells whether the legacy tables hold a guest's chains as planned; edits nothing.
 *
 * The tables are shared by all guests and the host, so that reading them takes the longer the more
 * guests there are, and the kernel does not notify anybody of a change. But it reports their sizes
 * in no time, and those change with every rule that is added or removed. So a check reads the rules
 * only if the sizes have changed, and every twelfth time in any case, to find a rule that was
 * replaced by one of the same size. */

#include "nat/xt-check.h"
#include "basic/cleanup.h"
#include "basic/hash.h"
#include "nat/xt-edit.h"
#include "nat/xt-read.h"

#define ALL_TABLES       ((1U << NAT_TABLE_MAX) - 1)
#define READ_RULES_EVERY 12 /* checks */

/* 1 = it matches the plan, 0 = it does not. */
static int table_matches(const NatChains *chains, NatFamily family, NatTable table, bool wanted) {
        _cleanup_(xt_table_done) XtTable t = { family, table, xt_reader(family) };
        int r = xt_table_open(t.xt, family, table, &t.handle);

        if (r < 0)
                return !wanted && xt_may_be_missing(&t, r) ? 1 : r;
        FOREACH_ELEMENT (c, chains->chain)
                if (xt_chain_is_of(c, &t) && !xt_chain_right(&t, chains, c))
                        return 0;
        return 1;
}

/* The tables to check in each family: those that should have rules, and with them those that might.
 */
typedef struct Scope {
        unsigned wanted[NAT_FAMILY_MAX], all[NAT_FAMILY_MAX];
} Scope;

static Scope scope_of(const NatChains *chains) {
        Scope s = {};

        FOREACH_ELEMENT (c, chains->chain)
                if (c->n_rules > 0)
                        s.wanted[c->family] |= 1U << c->table;
        for (NatFamily f = 0; f < NAT_FAMILY_MAX; f++) {
                s.all[f] = s.wanted[f];
                if (s.all[f] != ALL_TABLES)
                        s.all[f] |= xt_tables_in_use(f);
        }
        return s;
}

static int check_rules(const NatChains *chains, const Scope *scope, NatRefusal *ret_refusal) {
        for (NatFamily f = 0; f < NAT_FAMILY_MAX; f++)
                for (NatTable t = 0; t < NAT_TABLE_MAX; t++) {
                        int r = scope->all[f] & 1U << t
                                        ? table_matches(chains, f, t, scope->wanted[f] & 1U << t)
                                        : 1;

                        if (r < 0)
                                *ret_refusal = xt_refusal(f, t);
                        if (r <= 0)
                                return r;
                }
        return 1;
}

/* 1 = plan and tables look as they did when the rules were last found to be right, 0 = they do not.
 * *ret is how they look. */
static int check_sizes(const Nat *nat, const NatChains *chains, const Scope *scope, NatSight *ret) {
        *ret = (NatSight){ .plan = nat_chains_hash(chains) };
        for (NatFamily f = 0; f < NAT_FAMILY_MAX; f++) {
                int r = xt_shapes(f, scope->all[f], ret->shape[f]);

                if (r < 0)
                        return r;
        }
        return memcmp(ret, &nat->seen, sizeof(*ret)) == 0;
}

/* For how many checks the sizes are enough; the first time a different number for each guest, so
 * that they do not all read the rules at the same moment. */
static unsigned checks_by_sizes(const Nat *nat, const char *guest) {
        uint64_t hash = hash_bytes(HASH_BASIS, guest, strlen(guest));

        return nat->seen.plan ? READ_RULES_EVERY : 1 + (unsigned) (hash % READ_RULES_EVERY);
}

void xt_forget(Nat *nat) {
        nat->seen = (NatSight){};
        nat->by_sizes = 0;
}

int xt_check(Nat *nat, const char *guest, const NatChains *chains, NatRefusal *ret_refusal) {
        Scope scope = scope_of(chains);
        NatSight now;
        int r = check_sizes(nat, chains, &scope, &now);

        if (r > 0 && nat->by_sizes > 0) {
                nat->by_sizes--;
                return 1;
        }
        /* The change may be another guest's; an error is reported by what reads the rules. */
        r = check_rules(chains, &scope, ret_refusal);
        if (r > 0) {
                nat->by_sizes = checks_by_sizes(nat, guest);
                nat->seen = now; /* from before the rules were read, so no change is missed */
        } else
                xt_forget(nat);
        return r;
}
