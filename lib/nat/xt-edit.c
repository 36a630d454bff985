/* SPDX-License-Identifier: GPL-2.0-or-later */
/* xt-edit.c - compares a guest's chains in a legacy table with what is planned, and edits them. */

#include "nat/xt-edit.h"
#include "nat/blob.h"

void xt_table_done(XtTable *t) {
        if (t->handle)
                t->xt->free(t->handle);
}

/* Queried only when something has to be written, which a check every few seconds does not. */
static void encode(XtTable *t, const NatRule *rule, NatBlob *ret) {
        if (!t->revisions_known)
                nat_revisions_probe(t->family, &t->revisions);
        t->revisions_known = true;
        nat_blob_encode(rule, &t->revisions, ret);
}

bool xt_decode(const XtTable *t, const void *entry, NatRule *ret) {
        return nat_blob_decode(t->family, entry, t->xt->target(entry, t->handle), ret);
}

static bool chain_as_planned(const XtTable *t, const NatChain *chain) {
        const void *e = t->xt->first_rule(chain->name, t->handle);
        size_t n = 0;

        for (; e; e = t->xt->next_rule(e, t->handle), n++) {
                NatRule rule;

                if (n == chain->n_rules || !xt_decode(t, e, &rule) ||
                    !nat_rule_equal(&rule, &chain->rules[n]))
                        return false;
        }
        return n == chain->n_rules;
}

/* Flushes the chain and writes it again. */
static int chain_fill(XtTable *t, const NatChain *chain) {
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
static unsigned count_jumps(const XtTable *t, const char *in_chain, const NatRule *planned,
                            bool *ret_right) {
        const void *e = t->xt->first_rule(in_chain, t->handle);
        unsigned n = 0;

        for (; e; e = t->xt->next_rule(e, t->handle)) {
                NatRule rule;

                if (!streq(t->xt->target(e, t->handle), planned->chain))
                        continue;
                if (n++ == 0)
                        *ret_right = xt_decode(t, e, &rule) && nat_rule_equal(&rule, planned);
        }
        return n;
}

/* Deletes all rules of in_chain that jump to target. */
static int delete_jumps(const XtTable *t, const char *in_chain, const char *target) {
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
static int jump_sync(XtTable *t, const NatChain *chain) {
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
static int chain_remove(const XtTable *t, const NatChain *chain) {
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

int xt_chain_sync(XtTable *t, const NatChain *chain) {
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

bool xt_chain_right(const XtTable *t, const NatChain *c) {
        bool right = false;

        if (c->n_rules == 0)
                return !t->xt->has_chain(c->name, t->handle);
        return t->xt->has_chain(c->name, t->handle) && chain_as_planned(t, c) &&
               count_jumps(t, c->hook, &c->jump, &right) == 1 && right;
}

bool xt_chain_is_of(const NatChain *c, const XtTable *t) {
        return c->family == t->family && c->table == t->table;
}

bool xt_may_be_missing(const XtTable *t, int error) {
        return error == -ENOPROTOOPT || (t->family == NAT_IPV6 && error == -EPERM);
}
