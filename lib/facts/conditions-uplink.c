/* SPDX-License-Identifier: GPL-2.0-or-later */
/* conditions-uplink.c - judges a guest's ways to the Internet: uplinks, addresses, routes. */

#include <stdio.h>

#include "basic/ip-address.h"
#include "basic/string-util.h"
#include "facts/conditions-uplink.h"

/* ---- names ---- */

static bool is_uplink(const SideFacts *side, const char *name) {
        for (size_t i = 0; i < side->n_uplinks; i++)
                if (streq(side->uplinks[i].name, name))
                        return true;
        return false;
}

static bool is_way(const SideFacts *side, const char *name) {
        for (size_t i = 0; i < side->n_ways; i++)
                if (streq(side->ways[i], name))
                        return true;
        return false;
}

#define NAMES_MAX (UPLINKS_MAX * IFNAMSIZ)

static void add_name(char names[static NAMES_MAX], const char *name) {
        size_t n = strlen(names);

        snprintf(names + n, NAMES_MAX - n, "%s%s", n > 0 ? " " : "", name);
}

static const char *uplink_names(const SideFacts *side, char names[static NAMES_MAX]) {
        names[0] = '\0';
        for (size_t i = 0; i < side->n_uplinks; i++)
                add_name(names, side->uplinks[i].name);
        return names;
}

/* others: only those that are no uplinks. */
static const char *way_names(const SideFacts *side, bool others, char names[static NAMES_MAX]) {
        names[0] = '\0';
        for (size_t i = 0; i < side->n_ways; i++)
                if (!others || !is_uplink(side, side->ways[i]))
                        add_name(names, side->ways[i]);
        return names;
}

/* The setting that names the uplinks, or could. */
static const char *key_of(const SideFacts *side) {
        return side->named_by ?: "Uplink";
}

/* What it should be. */
static char *uplink_remedy(const SideFacts *side) {
        const char *key = key_of(side);
        char names[NAMES_MAX];

        return side->n_ways > 0
                       ? strfmt("set %s=%s, or %s=auto", key, way_names(side, false, names), key)
                       : strfmt("set %s= to an interface that ip link shows", key);
}

/* ---- the uplinks ---- */

typedef bool (*LinkFn)(const SideFacts *side, const LinkFacts *link);

static bool is_any(const SideFacts *side, LinkFn is_good) {
        for (size_t i = 0; i < side->n_uplinks; i++)
                if (is_good(side, &side->uplinks[i]))
                        return true;
        return false;
}

static int add_partial(ConditionList *list, ConditionKind kind, char *text, char *remedy) {
        int r = condition_add(list, kind, CONDITION_WARNING, text, remedy);

        if (r >= 0)
                list->v[list->n - 1].partial = true;
        return r;
}

/* What one of several uplinks lacks may go by the others. */
static int add_of_link(ConditionList *list, ConditionKind kind, const SideFacts *side,
                       LinkFn is_good, char *text, char *remedy) {
        return is_any(side, is_good) ? add_partial(list, kind, text, remedy)
                                     : condition_add(list, kind, CONDITION_BROKEN, text, remedy);
}

static bool is_working(const SideFacts *side, const LinkFacts *link) {
        return link->exists == ANSWER_YES && link->up == ANSWER_YES && link->carrier == ANSWER_YES;
}

static int judge_link(const SideFacts *side, const LinkFacts *link, ConditionKind kind,
                      ConditionList *list) {
        if (link->exists == ANSWER_NO)
                return add_of_link(list, kind, side, is_working,
                                   strfmt("%s%s%s: the host has no such interface",
                                          side->named_by ?: "the uplink",
                                          side->named_by ? "=" : " ", link->name),
                                   uplink_remedy(side));
        if (link->up == ANSWER_NO)
                return add_of_link(list, kind, side, is_working,
                                   strfmt("the uplink %s is down", link->name),
                                   strfmt("ip link set %s up", link->name));
        if (link->carrier == ANSWER_NO)
                return add_of_link(list, kind, side, is_working,
                                   strfmt("the uplink %s has no carrier", link->name),
                                   strdup("see what it is connected to"));
        return condition_add_plain(
                list, kind, link->exists == ANSWER_UNKNOWN ? CONDITION_UNKNOWN : CONDITION_OK);
}

/* A host that has IPv6 only. */
static bool has_only_ipv6(const HostFacts *f) {
        return f->side[NAT_IPV4].has_ways == ANSWER_NO && f->side[NAT_IPV6].used &&
               f->side[NAT_IPV6].has_ways == ANSWER_YES;
}

int judge_uplink(const HostFacts *f, ConditionList *list) {
        const SideFacts *side = &f->side[NAT_IPV4];
        int r = 0;

        if (!side->used || (side->n_uplinks == 0 && has_only_ipv6(f)))
                return condition_add_plain(list, CONDITION_UPLINK, CONDITION_UNUSED);
        if (side->n_uplinks == 0)
                return condition_add(
                        list, CONDITION_UPLINK, CONDITION_BROKEN,
                        strdup("the host has no uplink for IPv4"),
                        strdup("give it a default route, or name the interface in Uplink="));
        for (size_t i = 0; r >= 0 && i < side->n_uplinks; i++)
                r = judge_link(side, &side->uplinks[i], CONDITION_UPLINK, list);
        return r;
}

static bool has_addresses(const SideFacts *side, const LinkFacts *link) {
        return link->addresses == ANSWER_YES;
}

static bool has_interface(const SideFacts *side) {
        for (size_t i = 0; i < side->n_uplinks; i++)
                if (side->uplinks[i].exists != ANSWER_NO)
                        return true;
        return false;
}

static int judge_link_address(const SideFacts *side, const LinkFacts *link, ConditionList *list) {
        if (link->addresses != ANSWER_NO)
                return condition_add_plain(list, CONDITION_ADDRESS,
                                           link->addresses == ANSWER_YES ? CONDITION_OK
                                                                         : CONDITION_UNKNOWN);
        return add_of_link(list, CONDITION_ADDRESS, side, has_addresses,
                           strfmt("the uplink %s has no public IPv4 address", link->name),
                           strdup("give it one, or set another Uplink="));
}

int judge_address(const HostFacts *f, ConditionList *list) {
        const SideFacts *side = &f->side[NAT_IPV4];
        int r = 0;

        if (!side->used || !has_interface(side))
                return condition_add_plain(list, CONDITION_ADDRESS, CONDITION_UNUSED);
        for (size_t i = 0; r >= 0 && i < side->n_uplinks; i++)
                if (side->uplinks[i].exists != ANSWER_NO)
                        r = judge_link_address(side, &side->uplinks[i], list);
        return r;
}

static const char beside[] =
        "what the guest sends there is not masqueraded, and nothing that comes "
        "in there is forwarded";

static int add_other_way(const SideFacts *side, ConditionKind kind, ConditionList *list) {
        const char *key = key_of(side);
        char ours[NAMES_MAX], others[NAMES_MAX], all[NAMES_MAX];

        uplink_names(side, ours);
        way_names(side, true, others);
        if (streq(others, way_names(side, false, all)))
                return condition_add(
                        list, kind, CONDITION_WARNING,
                        strfmt("%s=%s, but the host's route to the Internet goes through %s: "
                               "%s",
                               key, ours, others, beside),
                        uplink_remedy(side));
        return add_partial(
                list, kind,
                strfmt("%s=%s, but the host's route to the Internet goes through %s, too: %s", key,
                       ours, others, beside),
                strfmt("add %s to %s=, or set %s=auto", others, key, key));
}

/* Where the uplinks are found, they follow the routes. */
static bool has_other_way(const SideFacts *side) {
        for (size_t i = 0; side->named_by && side->n_uplinks > 0 && i < side->n_ways; i++)
                if (!is_uplink(side, side->ways[i]))
                        return true;
        return false;
}

/* A named uplink may be right for what is reached by more specific routes. */
int judge_route(const HostFacts *f, ConditionList *list) {
        const SideFacts *side = &f->side[NAT_IPV4];
        bool spared = side->named_by || has_only_ipv6(f);

        if (!side->used)
                return condition_add_plain(list, CONDITION_ROUTE, CONDITION_UNUSED);
        if (side->has_ways == ANSWER_NO)
                return condition_add(
                        list, CONDITION_ROUTE, spared ? CONDITION_WARNING : CONDITION_BROKEN,
                        strfmt("the host has no default route for IPv4: the guest reaches "
                               "nothing on the Internet%s",
                               has_only_ipv6(f) ? " over IPv4" : ""),
                        strdup("ip route add default …"));
        if (has_other_way(side))
                return add_other_way(side, CONDITION_ROUTE, list);
        return condition_add_plain(list, CONDITION_ROUTE,
                                   side->has_ways == ANSWER_YES ? CONDITION_OK : CONDITION_UNKNOWN);
}

static bool is_accepting(const SideFacts *side, const LinkFacts *link) {
        return link->exists == ANSWER_YES &&
               (link->strict == ANSWER_NO || is_way(side, link->name));
}

/* A strict filter drops packets from addresses that are not reached by the interface on which they
 * arrive. */
static int judge_link_filter(const SideFacts *side, const LinkFacts *link, ConditionList *list) {
        char ways[NAMES_MAX];

        if (link->strict != ANSWER_YES || side->n_ways == 0 || is_way(side, link->name))
                return condition_add_plain(list, CONDITION_REVERSE_PATH,
                                           link->strict == ANSWER_UNKNOWN ? CONDITION_UNKNOWN
                                                                          : CONDITION_OK);
        way_names(side, false, ways);
        return add_of_link(
                list, CONDITION_REVERSE_PATH, side, is_accepting,
                strfmt("rp_filter drops what arrives from the Internet on %s, because the "
                       "host's route there goes through %s",
                       link->name, ways),
                side->named_by && !is_uplink(side, side->ways[0])
                        ? strfmt("sysctl -w net.ipv4.conf.%s.rp_filter=2, or set %s=%s", link->name,
                                 side->named_by, ways)
                        : strfmt("sysctl -w net.ipv4.conf.%s.rp_filter=2", link->name));
}

int judge_reverse_path(const HostFacts *f, ConditionList *list) {
        const SideFacts *side = &f->side[NAT_IPV4];
        int r = 0;

        if (!side->used || !has_interface(side))
                return condition_add_plain(list, CONDITION_REVERSE_PATH, CONDITION_UNUSED);
        for (size_t i = 0; r >= 0 && i < side->n_uplinks; i++)
                if (side->uplinks[i].exists != ANSWER_NO)
                        r = judge_link_filter(side, &side->uplinks[i], list);
        return r;
}

/* ---- the address of what leaves ---- */

/* The host need not have an address for the kernel to use it: a provider may route it here. */
static int add_snat(const SideFacts *side, ConditionList *list) {
        char address[IP_ADDRESS_TEXT_MAX];

        if (side->has_snat_address != ANSWER_NO)
                return condition_add_plain(
                        list, CONDITION_SNAT,
                        side->has_snat_address == ANSWER_YES ? CONDITION_OK : CONDITION_UNKNOWN);
        ip_address_format(&side->snat_address, address);
        return condition_add(
                list, CONDITION_SNAT, CONDITION_WARNING,
                strfmt("SNATAddress=%s is not an address of the host, so answers to the guest "
                       "arrive only if they are routed here",
                       address),
                strfmt("ip address add %s/%d dev %s, or set another SNATAddress=", address,
                       ip_address_is_v6(&side->snat_address) ? 128 : 32,
                       side->n_uplinks > 0 ? side->uplinks[0].name : "lo"));
}

int judge_snat(const HostFacts *f, ConditionList *list) {
        size_t before = list->n;
        int r = 0;

        for (NatFamily i = 0; r >= 0 && i < NAT_FAMILY_MAX; i++)
                if (f->side[i].used && !ip_address_is_any(&f->side[i].snat_address))
                        r = add_snat(&f->side[i], list);
        return r < 0 || list->n > before
                       ? r
                       : condition_add_plain(list, CONDITION_SNAT, CONDITION_UNUSED);
}

/* ---- IPv6, which may be lacking without harm to IPv4 ---- */

static bool is_without_addresses(const SideFacts *side) {
        size_t n = 0;

        for (size_t i = 0; i < side->n_uplinks; i++)
                n += side->uplinks[i].addresses == ANSWER_NO;
        return n > 0 && n == side->n_uplinks;
}

static int judge_ipv6(const SideFacts *side, ConditionList *list) {
        char names[NAMES_MAX];

        if (is_without_addresses(side))
                return condition_add(
                        list, CONDITION_UPLINK6, CONDITION_WARNING,
                        strfmt("the uplink %s has no global IPv6 address, so the guest has no "
                               "IPv6 beyond this host",
                               uplink_names(side, names)),
                        strdup("give it one, or remove HostAddress6="));
        if (side->has_ways == ANSWER_NO)
                return condition_add(
                        list, CONDITION_UPLINK6, CONDITION_WARNING,
                        strdup("the host has no default route for IPv6: the guest reaches "
                               "nothing on the Internet over IPv6"),
                        strdup("ip -6 route add default …"));
        if (has_other_way(side))
                return add_other_way(side, CONDITION_UPLINK6, list);
        return condition_add_plain(list, CONDITION_UPLINK6,
                                   side->has_ways == ANSWER_YES ? CONDITION_OK : CONDITION_UNKNOWN);
}

int judge_uplink6(const HostFacts *f, ConditionList *list) {
        const SideFacts *side = &f->side[NAT_IPV6];
        int r = 0;

        if (!side->used || side->n_uplinks == 0)
                return condition_add_plain(list, CONDITION_UPLINK6, CONDITION_UNUSED);
        for (size_t i = 0; r >= 0 && i < side->n_uplinks; i++)
                if (side->uplinks[i].exists == ANSWER_NO || side->uplinks[i].up == ANSWER_NO)
                        r = judge_link(side, &side->uplinks[i], CONDITION_UPLINK6, list);
        return r < 0 ? r : judge_ipv6(side, list);
}
