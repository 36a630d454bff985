/* SPDX-License-Identifier: GPL-2.0-or-later */
/* conditions.c - judges the conditions that a guest's network relies on. */

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "basic/string-table.h"
#include "basic/string-util.h"
#include "facts/conditions.h"
#include "facts/obstacle-text.h"

#define TRACKED_HIGH 90 /* per cent of conntrack's table */

static const char *const condition_state_table[] = {
        [CONDITION_OK] = "ok",           [CONDITION_UNUSED] = "unused",
        [CONDITION_UNKNOWN] = "unknown", [CONDITION_WARNING] = "warning",
        [CONDITION_BROKEN] = "broken",
};
DEFINE_STRING_TABLE(condition_state, ConditionState, CONDITION_STATE_MAX);

/* ---- the list ---- */

void condition_list_done(ConditionList *list) {
        for (size_t i = 0; i < list->n; i++) {
                free(list->v[i].text);
                free(list->v[i].remedy);
        }
        free(list->v);
        *list = (ConditionList){};
}

/* Takes over the texts; NULL: out of memory. */
static int add(ConditionList *list, ConditionKind kind, ConditionState state, char *text,
               char *remedy) {
        Condition *grown =
                text && remedy ? reallocarray(list->v, list->n + 1, sizeof(*grown)) : NULL;

        if (!grown) {
                free(text);
                free(remedy);
                return -ENOMEM;
        }
        list->v = grown;
        grown[list->n++] = (Condition){ kind, state, text, remedy };
        return 0;
}

/* One without sentences. */
static int add_plain(ConditionList *list, ConditionKind kind, ConditionState state) {
        return add(list, kind, state, strdup(""), strdup(""));
}

bool condition_is_told(const Condition *c) {
        return c->state >= CONDITION_WARNING;
}

bool condition_list_has(const ConditionList *list, const Condition *c) {
        for (size_t i = 0; i < list->n; i++)
                if (list->v[i].kind == c->kind && list->v[i].state == c->state &&
                    streq(list->v[i].text, c->text) && streq(list->v[i].remedy, c->remedy))
                        return true;
        return false;
}

const Condition *condition_list_worst(const ConditionList *list, ConditionKind kind) {
        const Condition *worst = NULL;

        for (size_t i = 0; i < list->n; i++)
                if (list->v[i].kind == kind && (!worst || list->v[i].state > worst->state))
                        worst = &list->v[i];
        return worst;
}

char *condition_format(const Condition *c) {
        return strfmt("%s%s%s", c->text, c->remedy[0] ? "; " : "", c->remedy);
}

/* ---- the uplink ---- */

static const char *family_word(NatFamily family) {
        return family == NAT_IPV6 ? "IPv6" : "IPv4";
}

/* The setting that names the uplink, and what it should be. */
static char *uplink_remedy(const SideFacts *side) {
        return side->has_route == ANSWER_YES
                       ? strfmt("set Uplink=%s, or Uplink=auto", side->route)
                       : strdup("set Uplink= to an interface that ip link shows");
}

static int judge_link(const SideFacts *side, const LinkFacts *link, ConditionKind kind,
                      ConditionList *list) {
        if (link->exists == ANSWER_NO)
                return add(list, kind, CONDITION_BROKEN,
                           strfmt("Uplink=%s: the host has no such interface", link->name),
                           uplink_remedy(side));
        if (link->up == ANSWER_NO)
                return add(list, kind, CONDITION_BROKEN,
                           strfmt("the uplink %s is down", link->name),
                           strfmt("ip link set %s up", link->name));
        if (link->carrier == ANSWER_NO)
                return add(list, kind, CONDITION_BROKEN,
                           strfmt("the uplink %s has no carrier", link->name),
                           strdup("see what it is connected to"));
        return add_plain(list, kind,
                         link->exists == ANSWER_UNKNOWN ? CONDITION_UNKNOWN : CONDITION_OK);
}

static int judge_uplink(const HostFacts *f, ConditionList *list) {
        const SideFacts *side = &f->side[NAT_IPV4];
        int r = 0;

        if (!side->used)
                return add_plain(list, CONDITION_UPLINK, CONDITION_UNUSED);
        if (side->n_uplinks == 0)
                return add(list, CONDITION_UPLINK, CONDITION_BROKEN,
                           strdup("the host has no uplink"),
                           strdup("give it a default route, or name the interface in Uplink="));
        for (size_t i = 0; r >= 0 && i < side->n_uplinks; i++)
                r = judge_link(side, &side->uplinks[i], CONDITION_UPLINK, list);
        return r;
}

static int judge_address(const HostFacts *f, ConditionList *list) {
        const SideFacts *side = &f->side[NAT_IPV4];
        ConditionState state = side->has_addresses == ANSWER_YES ? CONDITION_OK : CONDITION_UNKNOWN;

        if (!side->used || side->n_uplinks == 0 || side->uplinks[0].exists == ANSWER_NO)
                return add_plain(list, CONDITION_ADDRESS, CONDITION_UNUSED);
        if (side->has_addresses != ANSWER_NO)
                return add_plain(list, CONDITION_ADDRESS, state);
        return add(list, CONDITION_ADDRESS, CONDITION_BROKEN,
                   strfmt("the uplink %s has no public IPv4 address", side->uplinks[0].name),
                   strdup("give it one, or set another Uplink="));
}

static bool is_uplink(const SideFacts *side, const char *name) {
        for (size_t i = 0; i < side->n_uplinks; i++)
                if (streq(side->uplinks[i].name, name))
                        return true;
        return false;
}

/* A named uplink may be right for what is reached by more specific routes. */
static int judge_route(const HostFacts *f, ConditionList *list) {
        const SideFacts *side = &f->side[NAT_IPV4];

        if (!side->used)
                return add_plain(list, CONDITION_ROUTE, CONDITION_UNUSED);
        if (side->has_route == ANSWER_NO)
                return add(list, CONDITION_ROUTE,
                           side->named ? CONDITION_WARNING : CONDITION_BROKEN,
                           strdup("the host has no default route for IPv4: the guest reaches "
                                  "nothing on the Internet"),
                           strdup("ip route add default …"));
        if (side->has_route == ANSWER_YES && side->n_uplinks > 0 && !is_uplink(side, side->route))
                return add(
                        list, CONDITION_ROUTE, CONDITION_WARNING,
                        strfmt("Uplink=%s, but the host's default route goes through %s: what the "
                               "guest sends there is not masqueraded, and nothing that comes "
                               "in there is forwarded",
                               side->uplinks[0].name, side->route),
                        uplink_remedy(side));
        return add_plain(list, CONDITION_ROUTE,
                         side->has_route == ANSWER_YES ? CONDITION_OK : CONDITION_UNKNOWN);
}

/* A strict filter drops packets from addresses that are not reached by the interface on which they
 * arrive. */
static int judge_reverse_path(const HostFacts *f, ConditionList *list) {
        const SideFacts *side = &f->side[NAT_IPV4];
        const char *name = side->n_uplinks > 0 ? side->uplinks[0].name : "";

        if (!side->used || side->n_uplinks == 0 || side->uplinks[0].exists == ANSWER_NO)
                return add_plain(list, CONDITION_REVERSE_PATH, CONDITION_UNUSED);
        if (side->strict == ANSWER_YES && side->has_route == ANSWER_YES &&
            !is_uplink(side, side->route))
                return add(list, CONDITION_REVERSE_PATH, CONDITION_BROKEN,
                           strfmt("rp_filter drops what arrives from the Internet on %s, because "
                                  "the host's default route goes through %s",
                                  name, side->route),
                           strfmt("sysctl -w net.ipv4.conf.%s.rp_filter=2, or set Uplink=%s", name,
                                  side->route));
        return add_plain(list, CONDITION_REVERSE_PATH,
                         side->strict == ANSWER_UNKNOWN ? CONDITION_UNKNOWN : CONDITION_OK);
}

/* ---- IPv6, which may be lacking without harm to IPv4 ---- */

static int judge_uplink6(const HostFacts *f, ConditionList *list) {
        const SideFacts *side = &f->side[NAT_IPV6];
        int r = 0;

        if (!side->used || side->n_uplinks == 0)
                return add_plain(list, CONDITION_UPLINK6, CONDITION_UNUSED);
        for (size_t i = 0; r >= 0 && i < side->n_uplinks; i++)
                if (side->uplinks[i].exists == ANSWER_NO || side->uplinks[i].up == ANSWER_NO)
                        r = judge_link(side, &side->uplinks[i], CONDITION_UPLINK6, list);
        if (r < 0)
                return r;
        if (side->has_addresses == ANSWER_NO)
                return add(list, CONDITION_UPLINK6, CONDITION_WARNING,
                           strfmt("the uplink %s has no global IPv6 address, so the guest has no "
                                  "IPv6 beyond this host",
                                  side->uplinks[0].name),
                           strdup("give it one, or remove HostAddress6="));
        if (side->has_route == ANSWER_NO)
                return add(list, CONDITION_UPLINK6, CONDITION_WARNING,
                           strdup("the host has no default route for IPv6: the guest reaches "
                                  "nothing on the Internet over IPv6"),
                           strdup("ip -6 route add default …"));
        return add_plain(list, CONDITION_UPLINK6,
                         side->has_addresses == ANSWER_YES ? CONDITION_OK : CONDITION_UNKNOWN);
}

/* ---- forwarding, and other firewalls ---- */

static int judge_switch(const SideFacts *side, ConditionKind kind, const char *name,
                        ConditionList *list) {
        if (!side->used)
                return add_plain(list, kind, CONDITION_UNUSED);
        if (side->forwarding == ANSWER_NO)
                return add(
                        list, kind, CONDITION_BROKEN,
                        strfmt("%s is 0, so nothing passes between the guest and the uplink", name),
                        strfmt("sysctl -w %s=1, and see what sets it to 0", name));
        return add_plain(list, kind,
                         side->forwarding == ANSWER_YES ? CONDITION_OK : CONDITION_UNKNOWN);
}

static int judge_forwarding(const HostFacts *f, ConditionList *list) {
        return judge_switch(&f->side[NAT_IPV4], CONDITION_FORWARDING, "net.ipv4.ip_forward", list);
}

static int judge_forwarding6(const HostFacts *f, ConditionList *list) {
        return judge_switch(&f->side[NAT_IPV6], CONDITION_FORWARDING6,
                            "net.ipv6.conf.all.forwarding", list);
}

static const char *ways_text(unsigned ways) {
        static const char *const texts[] = {
                [1 << NAT_WAY_IN] = "connections to the guest",
                [1 << NAT_WAY_OUT] = "connections of the guest",
                [1 << NAT_WAY_HOST] = "connections to relayed ports",
                [1 << NAT_WAY_IN | 1 << NAT_WAY_OUT] = "connections to and of the guest",
        };

        return ways < ARRAY_SIZE(texts) && texts[ways] ? texts[ways] : "packets of the guest";
}

static char *obstacle_sentence(const Obstacle *o) {
        _cleanup_free_ char *place = obstacle_place(o);

        return place ? strfmt("%s %s %s %s: %s", firewall_name(o->firewall),
                              o->certain ? "drops" : "may drop", family_word(o->family),
                              ways_text(o->ways), place)
                     : NULL;
}

char *condition_obstacle_text(const Obstacle *o, const char *tap) {
        _cleanup_free_ char *text = obstacle_sentence(o), *remedy = obstacle_remedy(o, tap);

        return text && remedy ? strfmt("%s; %s", text, remedy) : NULL;
}

static int add_obstacle(const HostFacts *f, const Obstacle *o, ConditionKind kind,
                        ConditionList *list) {
        return add(list, kind, o->certain ? CONDITION_BROKEN : CONDITION_WARNING,
                   obstacle_sentence(o), obstacle_remedy(o, f->tap.name));
}

static int add_obstacles(const HostFacts *f, const Obstacles *o, ConditionKind kind,
                         ConditionList *list) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < o->n; i++)
                r = add_obstacle(f, &o->list[i], kind, list);
        return r;
}

static int judge_obstacles(const HostFacts *f, NatFamily family, ConditionKind kind,
                           ConditionList *list) {
        const SideFacts *side = &f->side[family];
        bool looked = side->looked_nft == ANSWER_YES && side->looked_legacy == ANSWER_YES;
        int r;

        if (!side->used)
                return add_plain(list, kind, CONDITION_UNUSED);
        if (side->nft.n + side->legacy.n == 0)
                return add_plain(list, kind, looked ? CONDITION_OK : CONDITION_UNKNOWN);
        r = add_obstacles(f, &side->nft, kind, list);
        return r < 0 ? r : add_obstacles(f, &side->legacy, kind, list);
}

static int judge_firewall(const HostFacts *f, ConditionList *list) {
        return judge_obstacles(f, NAT_IPV4, CONDITION_FIREWALL, list);
}

static int judge_firewall6(const HostFacts *f, ConditionList *list) {
        return judge_obstacles(f, NAT_IPV6, CONDITION_FIREWALL6, list);
}

/* ---- umld's own settings and rules ---- */

static int judge_rules(const HostFacts *f, ConditionList *list) {
        if (f->rules == ANSWER_NO)
                return add(list, CONDITION_RULES, CONDITION_BROKEN,
                           strdup("the guest's firewall rules are not in place"),
                           strdup("the log says why they cannot be restored"));
        return add_plain(list, CONDITION_RULES,
                         f->rules == ANSWER_YES ? CONDITION_OK : CONDITION_UNKNOWN);
}

static int judge_tap(const HostFacts *f, ConditionList *list) {
        const char *tap = f->tap.name;

        if (f->tap.exists == ANSWER_NO)
                return add(list, CONDITION_TAP, CONDITION_BROKEN,
                           strfmt("the guest's tap %s is gone", tap),
                           strdup("restart the guest, which makes it again"));
        if (f->tap.up == ANSWER_NO)
                return add(list, CONDITION_TAP, CONDITION_BROKEN,
                           strfmt("the guest's tap %s is down", tap),
                           strfmt("ip link set %s up", tap));
        return add_plain(list, CONDITION_TAP,
                         f->tap.exists == ANSWER_YES ? CONDITION_OK : CONDITION_UNKNOWN);
}

static int judge_network(const HostFacts *f, ConditionList *list) {
        if (!f->collision)
                return add_plain(list, CONDITION_NETWORK, CONDITION_OK);
        return add(list, CONDITION_NETWORK, CONDITION_WARNING, strdup(f->collision),
                   strdup(f->network_chosen ? "stop and start the guest to get another network"
                                            : "set another HostAddress="));
}

/* What follows the last semicolon of a sentence is what to do. */
static int add_sentence(ConditionList *list, ConditionKind kind, const char *line, size_t size) {
        _cleanup_free_ char *text = strndup(line, size);
        char *end = text ? strstr(text, "; ") : NULL, *next;

        while (end && (next = strstr(end + 2, "; ")))
                end = next;
        if (end)
                *end = '\0';
        return add(list, kind, CONDITION_WARNING, text ? strdup(text) : NULL,
                   strdup(end ? end + 2 : ""));
}

static int judge_forwards(const HostFacts *f, ConditionList *list) {
        const char *line = f->forwards;
        int r = 0;

        if (isempty(line))
                return add_plain(list, CONDITION_FORWARDS, CONDITION_OK);
        while (r >= 0 && *line) {
                size_t n = strcspn(line, "\n");

                r = add_sentence(list, CONDITION_FORWARDS, line, n);
                line += n + (line[n] == '\n');
        }
        return r;
}

static int judge_conntrack(const HostFacts *f, ConditionList *list) {
        if (f->tracked_max == 0)
                return add_plain(list, CONDITION_CONNTRACK, CONDITION_UNKNOWN);
        if (f->tracked < f->tracked_max * TRACKED_HIGH / 100)
                return add_plain(list, CONDITION_CONNTRACK, CONDITION_OK);
        return add(list, CONDITION_CONNTRACK, CONDITION_WARNING,
                   strfmt("the host tracks %" PRIu64 " of at most %" PRIu64
                          " connections, and drops new ones above that",
                          f->tracked, f->tracked_max),
                   strdup("find out whose they are (conntrack -L), or set a higher "
                          "net.netfilter.nf_conntrack_max"));
}

/* ---- THE table ---- */

#define BY_EVENT CONDITION_BY_EVENT
#define BY_LOOK  CONDITION_BY_LOOK

const ConditionRow condition_table[CONDITION_MAX] = {
        [CONDITION_UPLINK] = { "uplink", "the uplink exists, is up and has a carrier", BY_EVENT,
                               NULL, judge_uplink },
        [CONDITION_ADDRESS] = { "address", "the uplink has a public IPv4 address", BY_EVENT, NULL,
                                judge_address },
        [CONDITION_ROUTE] = { "route", "the host's default route goes through the uplink", BY_EVENT,
                              NULL, judge_route },
        [CONDITION_REVERSE_PATH] = { "reverse-path",
                                     "the reverse path filter accepts what arrives on the uplink",
                                     BY_EVENT, NULL, judge_reverse_path },
        [CONDITION_FORWARDING] = { "forwarding", "the sysctl net.ipv4.ip_forward is 1", BY_EVENT,
                                   "it is set again", judge_forwarding },
        [CONDITION_FIREWALL] = { "firewall", "no other rule drops the guest's IPv4 packets",
                                 BY_EVENT, NULL, judge_firewall },
        [CONDITION_UPLINK6] = { "uplink6",
                                "the uplink has a global IPv6 address and a default route",
                                BY_EVENT, NULL, judge_uplink6 },
        [CONDITION_FORWARDING6] = { "forwarding6", "the sysctl net.ipv6.conf.all.forwarding is 1",
                                    BY_EVENT, "it is set again", judge_forwarding6 },
        [CONDITION_FIREWALL6] = { "firewall6", "no other rule drops the guest's IPv6 packets",
                                  BY_EVENT, NULL, judge_firewall6 },
        [CONDITION_RULES] = { "rules", "the guest's own rules are in the tables", BY_LOOK,
                              "they are restored", judge_rules },
        [CONDITION_TAP] = { "tap", "the guest's tap exists and is up", BY_EVENT, "it is set up",
                            judge_tap },
        [CONDITION_NETWORK] = { "network", "nothing else on the host uses the guest's network",
                                BY_LOOK, NULL, judge_network },
        [CONDITION_FORWARDS] = { "forwards", "forwards take no port from anybody else", BY_LOOK,
                                 NULL, judge_forwards },
        [CONDITION_CONNTRACK] = { "conntrack", "the connection tracking table has room", BY_LOOK,
                                  NULL, judge_conntrack },
};

int conditions_judge(const HostFacts *f, ConditionList *ret) {
        _cleanup_(condition_list_done) ConditionList list = {};

        FOREACH_ELEMENT (row, condition_table) {
                int r = row->judge(f, &list);

                if (r < 0)
                        return r;
        }
        *ret = list;
        list = (ConditionList){};
        return 0;
}
