/* SPDX-License-Identifier: GPL-2.0-or-later */
/* iptables.c - makes the legacy tables hold a guest's chains, through libip4tc and libip6tc.
 *
 * A table is read as a snapshot, edited in memory until it matches the plan, and committed as a
 * whole if that changed anything, which is atomic for packets. Applying and removing are the same
 * edit: removing plans chains without rules. */

#include "basic/cleanup.h"

#include "nat/xt-check.h"
#include "nat/xt-edit.h"
#include "nat/xt-read.h"

#define COMMIT_ATTEMPTS 5
#define TABLES          ((size_t) NAT_FAMILY_MAX * NAT_TABLE_MAX)

typedef struct NatEdit {
        const NatChains *chains;
        XtTable table[TABLES]; /* those of IPv4 first */
        bool fresh;            /* there was no chain of ours */
} NatEdit;

static void nat_edit_done(NatEdit *edit) {
        FOREACH_ELEMENT (t, edit->table)
                xt_table_done(t);
}

static bool table_wanted(const NatChains *chains, const XtTable *t) {
        FOREACH_ELEMENT (c, chains->chain)
                if (xt_chain_is_of(c, t) && c->n_rules > 0)
                        return true;
        return false;
}

static int table_edit(NatEdit *edit, XtTable *t) {
        bool wanted = table_wanted(edit->chains, t);
        int r;

        if (!wanted && !xt_table_in_use(t->family, t->table))
                return 0;
        r = xt_table_open(t->xt, t->family, t->table, &t->handle);
        if (r < 0)
                return !wanted && xt_may_be_missing(t, r) ? 0 : r;
        FOREACH_ELEMENT (c, edit->chains->chain) {
                if (!xt_chain_is_of(c, t))
                        continue;
                if (!c->user && t->xt->has_chain(c->name, t->handle))
                        edit->fresh = false;
                r = xt_chain_sync(t, edit->chains, c);
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

static int refuse(const XtTable *t, int error, NatRefusal *ret) {
        *ret = xt_refusal(t->family, t->table);
        return error;
}

/* Takes snapshots of the tables from `from` up to but not including `to`, and edits them. */
static int nat_edit_prepare(NatEdit *edit, const NatChains *chains, size_t from, size_t to,
                            NatRefusal *ret_refusal) {
        *edit = (NatEdit){ .chains = chains, .fresh = true };
        for (size_t i = from; i < to; i++) {
                XtTable *t = &edit->table[i];
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
static int commit_refused(const NatChains *chains, const XtTable *t, int error,
                          NatRefusal *ret_refusal) {
        refuse(t, error, ret_refusal);
        if (error == -EPERM || error == -EAGAIN || error == -ENOMEM)
                return error;
        FOREACH_ELEMENT (c, chains->chain)
                for (size_t i = 0; xt_chain_is_of(c, t) && i < c->n_rules; i++) {
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
static int table_commit(const XtTable *t) {
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

static int nat_remove(Nat *nat, const char *guest, NatRefusal *ret_refusal) {
        bool changed = false, fresh;
        NatChains chains;
        int failed = 0;

        xt_forget(nat);
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
        xt_forget(nat);
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

        return !nat_missing_feature(&rule);
}

static int nat_check(Nat *nat, const NatPlan *plan, NatRefusal *ret_refusal) {
        _cleanup_(nat_chains_done) NatChains chains = {};
        int r = plan_chains(&chains, plan, ret_refusal);

        return r < 0 ? r : xt_check(nat, plan->guest, &chains, ret_refusal);
}

/* -ENOENT: the chain does not exist. */
static int look_at(const NatChain *chain, XtTable *ret) {
        *ret = (XtTable){ .family = chain->family,
                          .table = chain->table,
                          .xt = xt_reader(chain->family) };
        if (!xt_table_in_use(ret->family, ret->table))
                return -ENOENT;
        return xt_table_open(ret->xt, ret->family, ret->table, &ret->handle);
}

typedef struct PortSum {
        const Forward *port;
        uint64_t packets;
        bool found;
} PortSum;

static void add_packets(const NatRule *rule, size_t n, const NatCount *count, void *userdata) {
        PortSum *s = userdata;

        if (nat_rule_leads(rule, s->port)) {
                s->packets += count->packets;
                s->found = true;
        }
}

static int nat_count(Nat *nat, const NatPlan *plan, NatCounted fn, void *userdata) {
        NatChains chains;

        nat_chains_init(&chains, plan->guest);
        for (NatFamily f = 0; f < NAT_FAMILY_MAX; f++) {
                const NatChain *pre = nat_chain(&chains, f, NAT_CHAIN_PRE);
                _cleanup_(xt_table_done) XtTable t = {};
                NatRule rule;

                if (look_at(pre, &t) < 0 || !t.xt->has_chain(pre->name, t.handle))
                        continue;
                for (const void *e = t.xt->first_rule(pre->name, t.handle); e;
                     e = t.xt->next_rule(e, t.handle)) {
                        const NatCount count = t.xt->counted(e);

                        if (xt_decode(&t, e, &rule) && rule.verdict == NAT_DNAT)
                                fn(&rule, 1, &count, userdata);
                }
        }
        return 0;
}

static int nat_packets(Nat *nat, const NatPlan *plan, const Forward *port, uint64_t *ret) {
        PortSum sum = { .port = port };
        int r = nat_count(nat, plan, add_packets, &sum);

        if (r < 0 || !sum.found)
                return r < 0 ? r : -ENOENT;
        *ret = sum.packets;
        return 0;
}

static int nat_wait_fd(const Nat *nat) {
        return xt_modules_fd();
}

/* A child that loads modules may continue. */
static int nat_cancel(Nat *nat) {
        return 0;
}

const NatBackend nat_iptables = {
        .name = "iptables",
        .tool = { [NAT_IPV4] = "iptables", [NAT_IPV6] = "ip6tables" },
        .apply = nat_apply,
        .check = nat_check,
        .remove = nat_remove,
        .packets = nat_packets,
        .count = nat_count,
        .has_masquerade = nat_has_masquerade,
        .wait_fd = nat_wait_fd,
        .cancel = nat_cancel,
};
