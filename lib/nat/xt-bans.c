/* SPDX-License-Identifier: GPL-2.0-or-later */
/* xt-bans.c - tells foreign rules that ban some sources from those that drop everything. */

#include "nat/xt-bans.h"
#include "nat/blob.h"
#include "nat/xt-read.h"

#include <linux/netfilter/ipset/ip_set.h>
#include <linux/netfilter/x_tables.h>
#include <linux/netfilter/xt_iprange.h>
#include <linux/netfilter/xt_set.h>

#define DEPTH_MAX 8 /* of chains that jump to chains */

/* The worst that a rule or a chain can do to a packet. */
typedef enum Effect {
        PASSES,
        BANS,  /* drops packets from some sources */
        WALLS, /* drops any packets */
} Effect;

static bool not_empty(const void *mask, size_t size) {
        const unsigned char *bytes = mask;

        for (size_t i = 0; i < size; i++)
                if (bytes[i] != 0)
                        return true;
        return false;
}

static bool set_of_sources(const void *data) {
        const struct xt_set_info *set = data; /* all revisions but the first begin with it */

        return (set->flags & 1U << IPSET_DIM_ONE) && !(set->flags & 1U << IPSET_DIM_ZERO);
}

static bool range_of_sources(const void *data) {
        const struct xt_iprange_mtinfo *range = data;

        return (range->flags & IPRANGE_SRC) && !(range->flags & IPRANGE_SRC_INV);
}

static const struct {
        const char *name;
        size_t size;
        bool (*selects)(const void *data);
} matches[] = {
        { "set", sizeof(struct xt_set_info), set_of_sources },
        { "iprange", sizeof(struct xt_iprange_mtinfo), range_of_sources },
};

/* Does a match, which has no revision 0 of the same form, restrict the rule to some sources? */
static bool match_selects(const struct xt_entry_match *m) {
        FOREACH_ELEMENT (each, matches)
                if (strncmp(m->u.user.name, each->name, sizeof(m->u.user.name)) == 0)
                        return m->u.user.revision > 0 &&
                               m->u.user.match_size >= sizeof(*m) + each->size &&
                               each->selects(m->data);
        return false;
}

static bool matches_select(const unsigned char *entry, size_t from, size_t to) {
        while (from + sizeof(struct xt_entry_match) <= to) {
                const struct xt_entry_match *m = (const void *) (entry + from);

                if (m->u.user.match_size < sizeof(*m) || m->u.user.match_size > to - from)
                        return false;
                if (match_selects(m))
                        return true;
                from += m->u.user.match_size;
        }
        return false;
}

/* Is the rule for packets from some sources only? */
static bool selects_sources(NatFamily family, const void *entry) {
        const struct ip6t_entry *v6 = entry;
        const struct ipt_entry *v4 = entry;

        if (family == NAT_IPV6)
                return (not_empty(&v6->ipv6.smsk, sizeof(v6->ipv6.smsk)) &&
                        !(v6->ipv6.invflags & IP6T_INV_SRCIP)) ||
                       matches_select(entry, sizeof(*v6), v6->target_offset);
        return (v4->ip.smsk.s_addr != 0 && !(v4->ip.invflags & IPT_INV_SRCIP)) ||
               matches_select(entry, sizeof(*v4), v4->target_offset);
}

static bool is_goto(NatFamily family, const void *entry) {
        if (family == NAT_IPV6)
                return ((const struct ip6t_entry *) entry)->ipv6.flags & IP6T_F_GOTO;
        return ((const struct ipt_entry *) entry)->ip.flags & IPT_F_GOTO;
}

static bool is_one_of(const char *target, const char *const *names) {
        for (; *names; names++)
                if (streq(target, *names))
                        return true;
        return false;
}

static Effect chain_effect(const XtTable *t, const char *chain, unsigned depth);

static Effect rule_effect(const XtTable *t, const void *entry, unsigned depth) {
        static const char *const drops[] = { "DROP", "REJECT", "QUEUE", "NFQUEUE", "TARPIT", NULL };
        const char *target = t->xt->target(entry, t->handle);
        Effect effect = PASSES;

        if (xt_is_ours(target))
                return PASSES;
        if (is_one_of(target, drops) || is_goto(t->family, entry))
                effect = WALLS;
        else if (t->xt->has_chain(target, t->handle))
                effect = chain_effect(t, target, depth + 1);
        return effect == WALLS && selects_sources(t->family, entry) ? BANS : effect;
}

/* A chain that does nothing yet is expected to get bans: those of fail2ban have only a RETURN when
 * it starts. */
static Effect chain_effect(const XtTable *t, const char *chain, unsigned depth) {
        static const char *const nothing[] = { "RETURN", "LOG", "NFLOG", "", NULL };
        Effect worst = PASSES;
        bool idle = true;

        if (depth > DEPTH_MAX)
                return WALLS;
        for (const void *e = t->xt->first_rule(chain, t->handle); e && worst != WALLS;
             e = t->xt->next_rule(e, t->handle)) {
                Effect effect = rule_effect(t, e, depth);

                worst = MAX(worst, effect);
                idle = idle && is_one_of(t->xt->target(e, t->handle), nothing);
        }
        return idle ? BANS : worst;
}

static bool is_foreign(const XtTable *t, const void *entry) {
        return !xt_is_ours(t->xt->target(entry, t->handle));
}

/* The number of foreign rules up to the last ban. */
static unsigned count_to_bans(const XtTable *t, const char *hook) {
        unsigned n = 0, counted = 0;

        for (const void *e = t->xt->first_rule(hook, t->handle); e;
             e = t->xt->next_rule(e, t->handle)) {
                Effect effect = rule_effect(t, e, 0);

                n += is_foreign(t, e);
                if (effect == WALLS)
                        break;
                if (effect == BANS)
                        counted = n;
        }
        return counted;
}

/* libiptc can walk through one chain at a time only, so that the bans are counted by our own
 * reader. If the table has changed in between, the commit is refused. */
unsigned xt_behind_bans(const XtTable *t, const char *hook) {
        _cleanup_(xt_table_done) XtTable now = { t->family, t->table, xt_reader(t->family) };
        unsigned at = 0, behind = 0, left;

        if (xt_table_open(now.xt, now.family, now.table, &now.handle) < 0)
                return 0;
        left = count_to_bans(&now, hook);
        for (const void *e = t->xt->first_rule(hook, t->handle); e && left > 0;
             e = t->xt->next_rule(e, t->handle)) {
                at++;
                if (is_foreign(t, e) && --left == 0)
                        behind = at;
        }
        return behind;
}
