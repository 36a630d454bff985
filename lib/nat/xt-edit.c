/* SPDX-License-Identifier: GPL-2.0-or-later */
/* xt-edit.c - compares a guest's chains in a legacy table with what is planned, and edits them. */

#include "nat/xt-edit.h"
#include "nat/blob.h"
#include "nat/xt-bans.h"

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

/* The jumps to one chain from its hook. */
typedef struct Jumps {
        unsigned n;
        unsigned at; /* position of the first */
        bool right;  /* the first is as planned */
} Jumps;

static Jumps find_jumps(const XtTable *t, const NatChain *chain) {
        const void *e = t->xt->first_rule(chain->hook, t->handle);
        Jumps j = {};

        for (unsigned at = 0; e; e = t->xt->next_rule(e, t->handle), at++) {
                NatRule rule;

                if (!streq(t->xt->target(e, t->handle), chain->name))
                        continue;
                if (j.n++ > 0)
                        continue;
                j.at = at;
                j.right = xt_decode(t, e, &rule) && nat_rule_equal(&rule, &chain->jump);
        }
        return j;
}

static bool is_there(const NatChain *c) {
        return c->n_rules > 0 || c->kept;
}

/* The position after which the jump must be inserted: after the jumps to preceding chains. */
static unsigned earliest(const XtTable *t, const NatChain *all, const NatChain *chain) {
        unsigned at = 0;

        if (chain->place == NAT_LAST)
                return 0;
        for (const NatChain *c = all; c < chain; c++)
                if (xt_chain_is_of(c, t) && c->place != NAT_LAST && is_there(c) &&
                    streq(c->hook, chain->hook)) {
                        Jumps j = find_jumps(t, c);

                        at = MAX(at, j.n > 0 ? j.at + 1 : 0);
                }
        return at;
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

/* A single correct jump stays where it is, whatever foreign rules the hook contains by now: two
 * programs that both insist on the first place would fight forever. */
static bool jump_right(const XtTable *t, const NatChain *all, const NatChain *chain) {
        Jumps j = {};

        if (chain->hook[0] == '\0') /* our own chains jump to it */
                return true;
        j = find_jumps(t, chain);
        return j.n == 1 && j.right && j.at >= earliest(t, all, chain);
}

static int jump_insert(XtTable *t, const NatChain *all, const NatChain *chain) {
        unsigned at = earliest(t, all, chain);
        NatBlob blob;
        int r;

        encode(t, &chain->jump, &blob);
        if (chain->place == NAT_BEHIND_BANS)
                at = MAX(at, xt_behind_bans(t, chain->hook));
        if (chain->place == NAT_LAST)
                r = t->xt->append_rule(chain->hook, &blob, t->handle);
        else
                r = t->xt->insert_rule(chain->hook, &blob, at, t->handle);
        return r ? 0 : xt_error();
}

/* 1 = changed. */
static int jump_sync(XtTable *t, const NatChain *all, const NatChain *chain) {
        int r;

        if (jump_right(t, all, chain))
                return 0;
        r = delete_jumps(t, chain->hook, chain->name);
        if (r >= 0)
                r = jump_insert(t, all, chain);
        return r < 0 ? r : 1;
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

/* Has any guest but the one with that chain a chain of the same kind? */
static bool others_have(const XtTable *t, const NatChain *own, const char *prefix) {
        for (const char *c = t->xt->first_chain(t->handle); c; c = t->xt->next_chain(t->handle))
                if (startswith(c, prefix) && !streq(c, own->name))
                        return true;
        return false;
}

/* The shared chain is kept as long as it is needed: by another guest, or because it has rules. */
static bool still_needed(const XtTable *t, const NatChains *chains, const NatChain *chain) {
        const NatChain *own = &chains->chain[chain->family * NAT_CHAIN_KINDS + NAT_CHAIN_FWD];

        return t->xt->first_rule(chain->name, t->handle) || others_have(t, own, "UMLD-FWD-");
}

int xt_chain_sync(XtTable *t, const NatChains *chains, const NatChain *chain) {
        const NatChain *all = chains->chain;
        bool changed = false;
        int r;

        if (!is_there(chain) && chain->user && still_needed(t, chains, chain))
                return 0;
        if (!is_there(chain))
                return chain_remove(t, chain);
        if (!t->xt->has_chain(chain->name, t->handle)) {
                if (!t->xt->create_chain(chain->name, t->handle))
                        return xt_error();
                changed = true;
        }
        if (!chain->user && !chain_as_planned(t, chain)) {
                r = chain_fill(t, chain);
                if (r < 0)
                        return r;
                changed = true;
        }
        r = jump_sync(t, all, chain);
        return r < 0 ? r : changed || r > 0;
}

bool xt_chain_right(const XtTable *t, const NatChains *chains, const NatChain *c) {
        if (!is_there(c))
                return c->user || !t->xt->has_chain(c->name, t->handle);
        return t->xt->has_chain(c->name, t->handle) && (c->user || chain_as_planned(t, c)) &&
               jump_right(t, chains->chain, c);
}

bool xt_chain_is_of(const NatChain *c, const XtTable *t) {
        return c->family == t->family && c->table == t->table;
}

bool xt_may_be_missing(const XtTable *t, int error) {
        return error == -ENOPROTOOPT || (t->family == NAT_IPV6 && error == -EPERM);
}
