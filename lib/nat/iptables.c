/* SPDX-License-Identifier: GPL-2.0-or-later */
/* iptables.c - makes the legacy tables hold a guest's chains, through libip4tc and libip6tc.
 *
 * A table is read as a snapshot, edited in memory until it matches the plan, and committed as a
 * whole if that changed anything, which is atomic for packets. Applying and removing are the same
 * edit: removing plans chains without rules.
 *
 * A check edits nothing. The tables are shared by all guests and the host, so that reading them
 * takes the longer the more guests there are, and the kernel does not notify anybody of a change.
 * But it reports their sizes in no time, and those change with every rule that is added or removed.
 * So a check reads the rules only if the sizes have changed, and every twelfth time in any case, to
 * find a rule that was replaced by one of the same size. */

#include "basic/cleanup.h"
#include "basic/hash.h"

#include "nat/blob.h"
#include "nat/plan.h"
#include "nat/xt-read.h"
#include "nat/xt-tables.h"

#define COMMIT_ATTEMPTS  5
#define TABLES           ((size_t) NAT_FAMILY_MAX * NAT_TABLE_MAX)
#define ALL_TABLES       ((1U << NAT_TABLE_MAX) - 1)
#define READ_RULES_EVERY 12 /* checks */

static const char *const table_words[NAT_TABLE_MAX] = {
        [NAT_TABLE_FILTER] = "table filter",
        [NAT_TABLE_NAT] = "table nat",
        [NAT_TABLE_MANGLE] = "table mangle",
};

/* A table that is being edited. */
typedef struct TableEdit {
        NatFamily family;
        NatTable table;
        const XtLibrary *xt;
        struct xtc_handle *handle; /* NULL = nothing to do in this table */
        bool changed;
        NatRevisions revisions;
        bool revisions_known;
} TableEdit;

typedef struct NatEdit {
        const NatChains *chains;
        TableEdit table[TABLES]; /* those of IPv4 first */
        bool fresh;              /* there was no chain of ours */
} NatEdit;

static void table_edit_done(TableEdit *t) {
        if (t->handle)
                t->xt->free(t->handle);
}

static void nat_edit_done(NatEdit *edit) {
        FOREACH_ELEMENT (t, edit->table)
                table_edit_done(t);
}

/* Queried only when something has to be written, which a check every few seconds does not. */
static void encode(TableEdit *t, const NatRule *rule, NatBlob *ret) {
        if (!t->revisions_known)
                nat_revisions_probe(t->family, &t->revisions);
        t->revisions_known = true;
        nat_blob_encode(rule, &t->revisions, ret);
}

static bool decode(const TableEdit *t, const void *entry, NatRule *ret) {
        return nat_blob_decode(t->family, entry, t->xt->target(entry, t->handle), ret);
}

static bool chain_as_planned(const TableEdit *t, const NatChain *chain) {
        const void *e = t->xt->first_rule(chain->name, t->handle);
        size_t n = 0;

        for (; e; e = t->xt->next_rule(e, t->handle), n++) {
                NatRule rule;

                if (n == chain->n_rules || !decode(t, e, &rule) ||
                    !nat_rule_equal(&rule, &chain->rules[n]))
                        return false;
        }
        return n == chain->n_rules;
}

/* Flushes the chain and writes it again. */
static int chain_fill(TableEdit *t, const NatChain *chain) {
        if (!t->xt->flush_chain(chain->name, t->handle))
                return xt_error();
        for (size_t i = 0; i < chain->n_rules; i++) {
                NatBlob blob;

                encode(t, &chain->rules[i], &blob);
                if (!t->xt->append_rule(chain->name, &blob, t->handle))
                        return xt_error();
        }
        return 0;
}

/* How many rules of that chain jump to the planned one's target? *ret_right says whether the first
 * of them is as planned. */
static unsigned count_jumps(const TableEdit *t, const char *in_chain, const NatRule *planned,
                            bool *ret_right) {
        const void *e = t->xt->first_rule(in_chain, t->handle);
        unsigned n = 0;

        for (; e; e = t->xt->next_rule(e, t->handle)) {
                NatRule rule;

                if (!streq(t->xt->target(e, t->handle), planned->chain))
                        continue;
                if (n++ == 0)
                        *ret_right = decode(t, e, &rule) && nat_rule_equal(&rule, planned);
        }
        return n;
}

/* Deletes all rules of in_chain that jump to target. */
static int delete_jumps(const TableEdit *t, const char *in_chain, const char *target) {
        const void *e = t->xt->first_rule(in_chain, t->handle);
        unsigned at = 0;

        while (e) {
                if (!streq(t->xt->target(e, t->handle), target)) {
                        e = t->xt->next_rule(e, t->handle);
                        at++;
                        continue;
                }
                if (!t->xt->delete_rule(in_chain, at, t->handle))
                        return xt_error();
                /* Deleting invalidates the walk; start again and skip the entries that were seen.
                 */
                e = t->xt->first_rule(in_chain, t->handle);
                for (unsigned i = 0; e && i < at; i++)
                        e = t->xt->next_rule(e, t->handle);
        }
        return 0;
}

/* 1 = changed. A single correct jump stays where it is, whatever else the hook contains by now: two
 * programs that both insist on the first place would fight forever. */
static int jump_sync(TableEdit *t, const NatChain *chain) {
        bool right = false;
        unsigned n = count_jumps(t, chain->hook, &chain->jump, &right);
        NatBlob blob;
        int r;

        if (n == 1 && right)
                return 0;
        r = delete_jumps(t, chain->hook, chain->name);
        if (r < 0)
                return r;
        encode(t, &chain->jump, &blob);
        if (chain->first)
                r = t->xt->insert_rule(chain->hook, &blob, t->handle);
        else
                r = t->xt->append_rule(chain->hook, &blob, t->handle);
        return r ? 1 : xt_error();
}

/* 1 = removed, 0 = did not exist. Jumps are removed first, wherever they are: a chain in use cannot
 * be deleted. */
static int chain_remove(const TableEdit *t, const NatChain *chain) {
        if (!t->xt->has_chain(chain->name, t->handle))
                return 0;
        for (const char *c = t->xt->first_chain(t->handle); c; c = t->xt->next_chain(t->handle)) {
                int r = delete_jumps(t, c, chain->name);

                if (r < 0)
                        return r;
        }
        if (!t->xt->flush_chain(chain->name, t->handle) ||
            !t->xt->delete_chain(chain->name, t->handle))
                return xt_error();
        return 1;
}

/* 1 = changed, 0 = was already as planned. */
static int chain_sync(TableEdit *t, const NatChain *chain) {
        bool changed = false;
        int r;

        if (chain->n_rules == 0)
                return chain_remove(t, chain);
        if (!t->xt->has_chain(chain->name, t->handle)) {
                if (!t->xt->create_chain(chain->name, t->handle))
                        return xt_error();
                changed = true;
        }
        if (!chain_as_planned(t, chain)) {
                r = chain_fill(t, chain);
                if (r < 0)
                        return r;
                changed = true;
        }
        r = jump_sync(t, chain);
        return r < 0 ? r : changed || r > 0;
}

static bool is_of(const NatChain *c, const TableEdit *t) {
        return c->family == t->family && c->table == t->table;
}

static bool table_wanted(const NatChains *chains, const TableEdit *t) {
        FOREACH_ELEMENT (c, chains->chain)
                if (is_of(c, t) && c->n_rules > 0)
                        return true;
        return false;
}

/* Is it expected that the table cannot be read? A host may hide all IPv6 tables. */
static bool may_be_missing(const TableEdit *t, int error) {
        return error == -ENOPROTOOPT || (t->family == NAT_IPV6 && error == -EPERM);
}

static int table_edit(NatEdit *edit, TableEdit *t) {
        bool wanted = table_wanted(edit->chains, t);
        int r;

        if (!wanted && !xt_table_in_use(t->family, t->table))
                return 0;
        r = xt_table_open(t->xt, t->family, t->table, &t->handle);
        if (r < 0)
                return !wanted && may_be_missing(t, r) ? 0 : r;
        FOREACH_ELEMENT (c, edit->chains->chain) {
                if (!is_of(c, t))
                        continue;
                if (t->xt->has_chain(c->name, t->handle))
                        edit->fresh = false;
                r = chain_sync(t, c);
                if (r < 0)
                        return r;
                t->changed |= r > 0;
        }
        if (!t->changed) { /* saves a descriptor */
                t->xt->free(t->handle);
                t->handle = NULL;
        }
        return 0;
}

static int refuse(const TableEdit *t, int error, NatRefusal *ret) {
        *ret = (NatRefusal){ table_words[t->table], t->family, t->table };
        return error;
}

/* Takes snapshots of the tables from `from` up to but not including `to`, and edits them. */
static int nat_edit_prepare(NatEdit *edit, const NatChains *chains, size_t from, size_t to,
                            NatRefusal *ret_refusal) {
        *edit = (NatEdit){ .chains = chains, .fresh = true };
        for (size_t i = from; i < to; i++) {
                TableEdit *t = &edit->table[i];
                int r;

                t->family = (NatFamily) (i / NAT_TABLE_MAX);
                t->table = (NatTable) (i % NAT_TABLE_MAX);
                t->xt = xt_library(t->family);
                r = table_edit(edit, t);
                if (r < 0)
                        return refuse(t, r, ret_refusal);
        }
        return 0;
}

/* Names the probable reason for a failed commit: an extension that the kernel lacks, or the table.
 */
static int commit_refused(const NatChains *chains, const TableEdit *t, int error,
                          NatRefusal *ret_refusal) {
        refuse(t, error, ret_refusal);
        if (error == -EPERM || error == -EAGAIN || error == -ENOMEM)
                return error;
        FOREACH_ELEMENT (c, chains->chain)
                for (size_t i = 0; is_of(c, t) && i < c->n_rules; i++) {
                        const char *missing = nat_missing_feature(&c->rules[i]);

                        if (missing) {
                                ret_refusal->what = missing;
                                return -EOPNOTSUPP;
                        }
                }
        return error;
}

/* The library carries the counters of rules over to the new table, but those of policies only if
 * told to. */
static int table_commit(const TableEdit *t) {
        for (const char *c = t->xt->first_chain(t->handle); c; c = t->xt->next_chain(t->handle))
                if (!t->xt->keep_policy(c, t->handle))
                        return xt_error();
        return t->xt->commit(t->handle) ? 0 : xt_error();
}

/* 1 = some table was changed, 0 = none had to be. */
static int nat_edit_commit(NatEdit *edit, NatRefusal *ret_refusal) {
        bool changed = false;

        FOREACH_ELEMENT (t, edit->table) {
                int r = t->changed ? table_commit(t) : 0;

                if (r < 0)
                        return commit_refused(edit->chains, t, r, ret_refusal);
                changed |= t->changed;
        }
        return changed;
}

static int nat_commit(const NatChains *chains, size_t from, size_t to, bool *ret_fresh,
                      NatRefusal *ret_refusal) {
        int r = -EAGAIN;

        /* A program that does not take the lock may change a table between our snapshot and our
         * commit: the kernel then returns EAGAIN, older ones EINVAL. */
        for (int i = 0; i < COMMIT_ATTEMPTS && (r == -EAGAIN || r == -EINVAL); i++) {
                _cleanup_(nat_edit_done) NatEdit edit = {};

                r = nat_edit_prepare(&edit, chains, from, to, ret_refusal);
                if (i == 0)
                        *ret_fresh = edit.fresh;
                if (r >= 0)
                        r = nat_edit_commit(&edit, ret_refusal);
        }
        return r;
}

static int plan_chains(NatChains *chains, const NatPlan *plan, NatRefusal *ret_refusal) {
        int r = nat_chains_plan(chains, plan);

        if (r < 0)
                *ret_refusal = (NatRefusal){ "port forwards", NAT_IPV4, NAT_TABLE_NAT };
        return r;
}

static void forget(Nat *nat) {
        nat->seen = (NatSight){};
        nat->by_sizes = 0;
}

static int nat_remove(Nat *nat, const char *guest, NatRefusal *ret_refusal) {
        bool changed = false, fresh;
        NatChains chains;
        int failed = 0;

        forget(nat);
        nat_chains_init(&chains, guest);
        /* Each table on its own: if one of them cannot be changed the others still can, and this
         * needs only one descriptor at a time. */
        for (size_t i = 0; i < TABLES; i++) {
                NatRefusal refusal;
                int r = nat_commit(&chains, i, i + 1, &fresh, &refusal);

                if (r < 0 && failed == 0) {
                        *ret_refusal = refusal;
                        failed = r;
                }
                changed |= r > 0;
        }
        return failed < 0 ? failed : changed;
}

static int nat_apply(Nat *nat, const NatPlan *plan, NatRefusal *ret_refusal) {
        _cleanup_(nat_chains_done) NatChains chains = {};
        bool fresh = false;
        int r = plan_chains(&chains, plan, ret_refusal);

        if (r < 0)
                return r;
        forget(nat);
        r = nat_commit(&chains, 0, TABLES, &fresh, ret_refusal);
        if (r < 0 && r != -EINPROGRESS && fresh) {
                NatRefusal ignored;

                /* The first table may have been committed: half of a new set-up is worse than none,
                 * but an older one that still works is better than none. */
                (void) nat_remove(nat, plan->guest, &ignored);
        }
        return r;
}

static bool nat_has_masquerade(const Nat *nat, NatFamily family) {
        const NatRule rule = { .family = family, .verdict = NAT_MASQUERADE };

        (void) nat;
        return !nat_missing_feature(&rule);
}

/* ---- checking ---- */

static bool chain_right(const TableEdit *t, const NatChain *c) {
        bool right = false;

        if (c->n_rules == 0)
                return !t->xt->has_chain(c->name, t->handle);
        return t->xt->has_chain(c->name, t->handle) && chain_as_planned(t, c) &&
               count_jumps(t, c->hook, &c->jump, &right) == 1 && right;
}

/* 1 = it matches the plan, 0 = it does not. */
static int table_matches(const NatChains *chains, NatFamily family, NatTable table, bool wanted) {
        _cleanup_(table_edit_done) TableEdit t = { family, table, xt_reader(family) };
        int r = xt_table_open(t.xt, family, table, &t.handle);

        if (r < 0)
                return !wanted && may_be_missing(&t, r) ? 1 : r;
        FOREACH_ELEMENT (c, chains->chain)
                if (is_of(c, &t) && !chain_right(&t, c))
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
                                *ret_refusal = (NatRefusal){ table_words[t], f, t };
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

static int nat_check(Nat *nat, const NatPlan *plan, NatRefusal *ret_refusal) {
        _cleanup_(nat_chains_done) NatChains chains = {};
        int r = plan_chains(&chains, plan, ret_refusal);
        NatSight now;
        Scope scope;

        if (r < 0)
                return r;
        scope = scope_of(&chains);
        r = check_sizes(nat, &chains, &scope, &now);
        if (r > 0 && nat->by_sizes > 0) {
                nat->by_sizes--;
                return 1;
        }
        /* The change may be another guest's; an error is reported by what reads the rules. */
        r = check_rules(&chains, &scope, ret_refusal);
        if (r > 0) {
                nat->by_sizes = checks_by_sizes(nat, plan->guest);
                nat->seen = now; /* from before the rules were read, so no change is missed */
        } else
                forget(nat);
        return r;
}

/* -ENOENT: the chain does not exist. */
static int look_at(const NatChain *chain, TableEdit *ret) {
        *ret = (TableEdit){ .family = chain->family,
                            .table = chain->table,
                            .xt = xt_reader(chain->family) };
        if (!xt_table_in_use(ret->family, ret->table))
                return -ENOENT;
        return xt_table_open(ret->xt, ret->family, ret->table, &ret->handle);
}

static int nat_packets(Nat *nat, const NatPlan *plan, const Forward *port, uint64_t *ret) {
        uint64_t packets = 0;
        bool found = false;
        NatChains chains;

        (void) nat;
        nat_chains_init(&chains, plan->guest);
        for (NatFamily f = 0; f < NAT_FAMILY_MAX; f++) {
                const NatChain *pre = nat_chain(&chains, f, NAT_CHAIN_PRE);
                _cleanup_(table_edit_done) TableEdit t = {};
                NatRule rule;

                if (look_at(pre, &t) < 0 || !t.xt->has_chain(pre->name, t.handle))
                        continue;
                for (const void *e = t.xt->first_rule(pre->name, t.handle); e;
                     e = t.xt->next_rule(e, t.handle))
                        if (decode(&t, e, &rule) && nat_rule_leads(&rule, port)) {
                                packets += t.xt->packets(e);
                                found = true;
                        }
        }
        if (!found)
                return -ENOENT;
        *ret = packets;
        return 0;
}

static int nat_foreign_before(Nat *nat, const NatPlan *plan, NatFamily family) {
        _cleanup_(table_edit_done) TableEdit t = {};
        const NatChain *fwd;
        NatChains chains;
        int r, n = 0;

        (void) nat;
        nat_chains_init(&chains, plan->guest);
        fwd = nat_chain(&chains, family, NAT_CHAIN_FWD);
        r = look_at(fwd, &t);
        if (r < 0)
                return r;
        for (const void *e = t.xt->first_rule(fwd->hook, t.handle); e;
             e = t.xt->next_rule(e, t.handle)) {
                const char *target = t.xt->target(e, t.handle);

                if (streq(target, fwd->name))
                        return n;
                n += !startswith(target, "UMLD-FWD-"); /* those of other guests */
        }
        return -ENOENT;
}

static int nat_wait_fd(const Nat *nat) {
        (void) nat;
        return xt_modules_fd();
}

/* What loads modules may go on. */
static int nat_cancel(Nat *nat) {
        (void) nat;
        return 0;
}

const NatBackend nat_iptables = {
        .name = "iptables",
        .tool = { [NAT_IPV4] = "iptables", [NAT_IPV6] = "ip6tables" },
        .apply = nat_apply,
        .check = nat_check,
        .remove = nat_remove,
        .packets = nat_packets,
        .foreign_before = nat_foreign_before,
        .has_masquerade = nat_has_masquerade,
        .wait_fd = nat_wait_fd,
        .cancel = nat_cancel,
};
