/* SPDX-License-Identifier: GPL-2.0-or-later */
/* xt-trip.c - takes connections through the legacy tables. */

#include <stdio.h>

#include "basic/cleanup.h"
#include "basic/file-util.h"
#include "nat/budget.h"
#include "nat/firewall.h"
#include "nat/trip.h"
#include "nat/walk.h"
#include "nat/xt-match.h"
#include "nat/xt-read.h"
#include "nat/xt-tables.h"

#define NAMES_MAX 4096
#define TIME_MAX  (50 * USEC_PER_MSEC) /* of the processor, for all tables */

/* The tables that filter, in the order in which a packet meets them. */
static const struct {
        const char *table, *chain;
        PacketHook hook;
} places[] = {
        { "raw", "PREROUTING", PACKET_PREROUTING }, { "mangle", "PREROUTING", PACKET_PREROUTING },
        { "mangle", "INPUT", PACKET_INPUT },        { "filter", "INPUT", PACKET_INPUT },
        { "security", "INPUT", PACKET_INPUT },      { "mangle", "FORWARD", PACKET_FORWARD },
        { "filter", "FORWARD", PACKET_FORWARD },    { "security", "FORWARD", PACKET_FORWARD },
        { "raw", "OUTPUT", PACKET_OUTPUT },         { "mangle", "OUTPUT", PACKET_OUTPUT },
        { "filter", "OUTPUT", PACKET_OUTPUT },      { "mangle", "POSTROUTING", PACKET_POSTROUTING },
};

/* A table, for the walk. */
typedef struct Rules {
        NatFamily family;
        const XtLibrary *xt;
        struct xtc_handle *h;
        const char *name;
        Budget budget;
} Rules;

static void rules_done(Rules *r) {
        if (r->h)
                r->xt->free(r->h);
        r->h = NULL;
}

static const void *first_rule(const void *rules, const char *chain) {
        const Rules *r = rules;

        return r->xt->first_rule(chain, r->h);
}

static const void *next_rule(const void *rules, const void *rule) {
        const Rules *r = rules;

        return r->xt->next_rule(rule, r->h);
}

static void judge(const void *rules, const void *rule, const Packet *p, Step *ret) {
        Rules *r = (Rules *) rules;
        const char *target;
        int kind;

        if (budget_spent(
                    &r->budget)) { /* from now on no rule matches, so that the walk ends soon */
                *ret = (Step){ .match = MATCH_NO };
                return;
        }
        target = r->xt->target(rule, r->h);
        kind = xt_target_step(target);
        ret->match = xt_entry_judge(r->family, rule, p);
        if (kind >= 0)
                ret->kind = (StepKind) kind;
        else if (target[0] && r->xt->has_chain(target, r->h)) {
                ret->kind = xt_entry_is_goto(r->family, rule) ? STEP_GOTO : STEP_JUMP;
                ret->chain = target;
        } else
                ret->kind = STEP_CONTINUE; /* such as LOG */
}

/* ---- one table ---- */

static bool in_use(const char *names, const char *table) {
        size_t n = strlen(table);

        for (const char *line = names; line; line = strchr(line, '\n')) {
                line += *line == '\n';
                if (strncmp(line, table, n) == 0 && (line[n] == '\n' || line[n] == '\0'))
                        return true;
        }
        return false;
}

/* 1 = it is there, 0 = it is not in use, which looking at it would change. */
static int open_table(Rules *r, const char *names, const char *table) {
        if (r->h && streq(r->name, table))
                return 1;
        rules_done(r);
        if (!in_use(names, table))
                return 0;
        r->xt = xt_reader(r->family);
        r->name = table;
        errno = 0;
        r->h = r->xt->init(table);
        return r->h ? 1 : xt_error();
}

static bool drops(const Rules *r, const char *chain) {
        const char *policy = r->xt->policy(chain, r->h);

        return policy && streq(policy, "DROP");
}

static void walk_place(Rules *r, size_t place, const Trip *t, const Packet *p, Obstacles *list) {
        const Ruleset set = { first_rule, next_rule, judge, r };
        Obstacle o = { .family = t->family,
                       .ways = 1U << t->way,
                       .legacy = true,
                       .protocol = t->protocol,
                       .port = t->host_port };
        Walk w;

        if (!p->passes)
                return;
        walk(&set, places[place].chain, drops(r, places[place].chain), NULL, p, &w);
        if (r->budget.spent)
                return;
        if ((w.end != WALK_DROPS && w.end != WALK_MAY_DROP) || chain_is_ours("", w.chain))
                return;
        o.reply = p->reply;
        o.certain = w.end == WALK_DROPS;
        o.policy = w.policy;
        snprintf(o.table, sizeof(o.table), "%s", r->name);
        snprintf(o.base, sizeof(o.base), "%s", places[place].chain);
        snprintf(o.chain, sizeof(o.chain), "%s", w.chain);
        o.firewall = firewall_guess("", w.chain);
        if (o.firewall == FIREWALL_OTHER)
                for (const char *c = r->xt->first_chain(r->h); c; c = r->xt->next_chain(r->h))
                        o.firewall = firewall_better(o.firewall, firewall_guess("", c));
        obstacles_add(list, &o);
}

static int walk_all(Rules *r, const char *names, const Trip *trips, size_t n, Obstacles *list) {
        for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
                int found = open_table(r, names, places[i].table);

                if (found < 0)
                        return found;
                for (size_t k = 0; found > 0 && k < n && !r->budget.spent; k++) {
                        Packet packets[TRIP_PACKETS];

                        trip_packets(&trips[k], packets);
                        walk_place(r, i, &trips[k], &packets[places[i].hook], list);
                        walk_place(r, i, &trips[k], &packets[PACKET_HOOKS + places[i].hook], list);
                }
        }
        return 0;
}

/* Does a rule before our jump in PREROUTING take it? A guest whose rules are in nf_tables comes
 * behind all of the legacy table. */
static int find_taking(Rules *r, const char *names, const Trip *t, Taking *ret) {
        const Ruleset set = { first_rule, next_rule, judge, r };
        Packet packets[TRIP_PACKETS];
        char ours[64];
        Walk w;
        int found = t->way == NAT_WAY_IN ? open_table(r, names, "nat") : 0;

        if (found <= 0)
                return found;
        trip_packets(t, packets);
        snprintf(ours, sizeof(ours), "UMLD-PRE-%s", t->guest);
        walk(&set, "PREROUTING", false, ours, &packets[PACKET_PREROUTING], &w);
        if (w.end != WALK_TAKES || r->budget.spent || chain_is_ours("", w.chain))
                return 0;
        *ret = (Taking){ .taken = true, .legacy = true };
        strcpy(ret->table, "nat");
        snprintf(ret->chain, sizeof(ret->chain), "%s", w.chain);
        return 0;
}

int xt_trips(const Trip *trips, size_t n, Obstacles *list, Taking *taking) {
        static const char *const files[NAT_FAMILY_MAX] = { "/proc/self/net/ip_tables_names",
                                                           "/proc/self/net/ip6_tables_names" };
        _cleanup_(rules_done)
                Rules rules = { .family = trips[0].family, .budget = budget_of(TIME_MAX) };
        _cleanup_free_ char *names = NULL;
        ssize_t size = read_file(files[trips[0].family], NAMES_MAX, &names);
        int r;

        if (size < 0)
                return size == -ENOENT ? -ENOPROTOOPT : (int) size;
        r = walk_all(&rules, names, trips, n, list);
        if (r >= 0 && taking)
                r = find_taking(&rules, names, &trips[0], taking);
        return r >= 0 && rules.budget.spent ? -ETIME : r;
}
