/* SPDX-License-Identifier: GPL-2.0-or-later */
/* conditions.c - judges the conditions that a guest's network relies on. */

#include <inttypes.h>

#include "basic/string-util.h"
#include "facts/conditions-uplink.h"
#include "facts/conditions.h"
#include "facts/obstacle-text.h"

#define TRACKED_HIGH 90 /* per cent of conntrack's table */

static const char *const condition_state_table[] = {
        [CONDITION_OK] = "ok",           [CONDITION_UNUSED] = "unused",
        [CONDITION_UNKNOWN] = "unknown", [CONDITION_WARNING] = "warning",
        [CONDITION_BROKEN] = "broken",
};
static_assert(ARRAY_SIZE(condition_state_table) == CONDITION_STATE_MAX, "a name for every state");

const char *condition_state_to_string(ConditionState state) {
        return condition_state_table[state];
}

char *condition_format(const Condition *c) {
        return strfmt("%s%s%s", c->text, c->remedy[0] ? "; " : "", c->remedy);
}

/* ---- forwarding, and other firewalls ---- */

static int judge_switch(const SideFacts *side, ConditionKind kind, const char *name,
                        ConditionList *list) {
        if (!side->used)
                return condition_add_plain(list, kind, CONDITION_UNUSED);
        if (side->forwarding == ANSWER_NO)
                return condition_add(
                        list, kind, CONDITION_BROKEN,
                        strfmt("%s is 0, so nothing passes between the guest and the uplink", name),
                        strfmt("sysctl -w %s=1, and see what sets it to 0", name));
        return condition_add_plain(
                list, kind, side->forwarding == ANSWER_YES ? CONDITION_OK : CONDITION_UNKNOWN);
}

static int judge_forwarding(const HostFacts *f, ConditionList *list) {
        return judge_switch(&f->side[NAT_IPV4], CONDITION_FORWARDING, "net.ipv4.ip_forward", list);
}

static int judge_forwarding6(const HostFacts *f, ConditionList *list) {
        return judge_switch(&f->side[NAT_IPV6], CONDITION_FORWARDING6,
                            "net.ipv6.conf.all.forwarding", list);
}

static const char *family_word(NatFamily family) {
        return family == NAT_IPV6 ? "IPv6" : "IPv4";
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
        return condition_add(list, kind, o->certain ? CONDITION_BROKEN : CONDITION_WARNING,
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
                return condition_add_plain(list, kind, CONDITION_UNUSED);
        if (side->nft.n + side->legacy.n == 0)
                return condition_add_plain(list, kind, looked ? CONDITION_OK : CONDITION_UNKNOWN);
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

static int judge_proxy_ndp(const HostFacts *f, ConditionList *list) {
        const char *uplink =
                f->side[NAT_IPV6].n_uplinks > 0 ? f->side[NAT_IPV6].uplinks[0].name : "";
        char guest[IP_ADDRESS_TEXT_MAX];

        if (f->answers != ANSWER_NO)
                return condition_add_plain(list, CONDITION_PROXY_NDP,
                                           f->answers == ANSWER_YES ? CONDITION_OK
                                                                    : CONDITION_UNUSED);
        ip_address_format(&f->answers_for, guest);
        return condition_add(
                list, CONDITION_PROXY_NDP, CONDITION_BROKEN,
                strfmt("the host does not answer on %s for the guest's address %s (%s), so nobody "
                       "there can reach it",
                       uplink, guest, strerror(-f->answers_error)),
                strfmt("sysctl -w net.ipv6.conf.all.proxy_ndp=1 && ip -6 neighbour add proxy %s "
                       "dev %s, or set Masquerade6=auto",
                       guest, uplink));
}

static int judge_rules(const HostFacts *f, ConditionList *list) {
        if (f->rules == ANSWER_NO)
                return condition_add(list, CONDITION_RULES, CONDITION_BROKEN,
                                     strdup("the guest's firewall rules are not in place"),
                                     strdup("the log says why they cannot be restored"));
        return condition_add_plain(list, CONDITION_RULES,
                                   f->rules == ANSWER_YES ? CONDITION_OK : CONDITION_UNKNOWN);
}

static int judge_tap(const HostFacts *f, ConditionList *list) {
        const char *tap = f->tap.name;

        if (f->tap.exists == ANSWER_NO)
                return condition_add(list, CONDITION_TAP, CONDITION_BROKEN,
                                     strfmt("the guest's tap %s is gone", tap),
                                     strdup("restart the guest, which makes it again"));
        if (f->tap.up == ANSWER_NO)
                return condition_add(list, CONDITION_TAP, CONDITION_BROKEN,
                                     strfmt("the guest's tap %s is down", tap),
                                     strfmt("ip link set %s up", tap));
        return condition_add_plain(list, CONDITION_TAP,
                                   f->tap.exists == ANSWER_YES ? CONDITION_OK : CONDITION_UNKNOWN);
}

static int judge_network(const HostFacts *f, ConditionList *list) {
        if (!f->collision)
                return condition_add_plain(list, CONDITION_NETWORK, CONDITION_OK);
        return condition_add(list, CONDITION_NETWORK, CONDITION_WARNING, strdup(f->collision),
                             strdup(f->network_chosen
                                            ? "stop and start the guest to get another network"
                                            : "set another HostAddress="));
}

static int add_sentence(ConditionList *list, ConditionKind kind, const char *line, size_t size) {
        _cleanup_free_ char *text = strndup(line, size);
        const char *remedy = text ? split_remedy(text) : "";

        return condition_add(list, kind, CONDITION_WARNING, text ? strdup(text) : NULL,
                             strdup(remedy));
}

static int judge_forwards(const HostFacts *f, ConditionList *list) {
        const char *line = f->forwards;
        int r = 0;

        if (isempty(line))
                return condition_add_plain(list, CONDITION_FORWARDS, CONDITION_OK);
        while (r >= 0 && *line) {
                size_t n = strcspn(line, "\n");

                r = add_sentence(list, CONDITION_FORWARDS, line, n);
                line += n + (line[n] == '\n');
        }
        return r;
}

static int judge_conntrack(const HostFacts *f, ConditionList *list) {
        if (f->tracked_max == 0)
                return condition_add_plain(list, CONDITION_CONNTRACK, CONDITION_UNKNOWN);
        if (f->tracked < f->tracked_max * TRACKED_HIGH / 100)
                return condition_add_plain(list, CONDITION_CONNTRACK, CONDITION_OK);
        return condition_add(list, CONDITION_CONNTRACK, CONDITION_WARNING,
                             strfmt("the host tracks %" PRIu64 " of at most %" PRIu64
                                    " connections, and drops new ones above that",
                                    f->tracked, f->tracked_max),
                             strdup("find out whose they are (conntrack -L), or set a higher "
                                    "net.netfilter.nf_conntrack_max"));
}

/* ---- memory and disks ---- */

static int judge_stock(ConditionList *list, ConditionKind kind, Answer enough, bool worse,
                       const char *why, const char *remedy) {
        if (enough != ANSWER_NO)
                return condition_add_plain(list, kind,
                                           enough == ANSWER_YES ? CONDITION_OK : CONDITION_UNKNOWN);
        return condition_add(list, kind, worse ? CONDITION_BROKEN : CONDITION_WARNING, strdup(why),
                             strdup(remedy));
}

static int judge_memory(const HostFacts *f, ConditionList *list) {
        return judge_stock(list, CONDITION_MEMORY, f->memory, f->memory_short, f->memory_why,
                           "stop another guest, set a lower Memory=, or set Balloon=auto");
}

static int judge_disk_space(const HostFacts *f, ConditionList *list) {
        return judge_stock(list, CONDITION_DISK_SPACE, f->space, f->space_full, f->space_why,
                           "free some space on it");
}

static int judge_directories(const HostFacts *f, ConditionList *list) {
        if (f->local != ANSWER_NO)
                return condition_add_plain(list, CONDITION_DIRECTORIES,
                                           f->local == ANSWER_YES ? CONDITION_OK
                                                                  : CONDITION_UNKNOWN);
        return condition_add(
                list, CONDITION_DIRECTORIES, CONDITION_WARNING,
                strfmt("on a network file system or FUSE, for which umld waits when it "
                       "does not respond: %s",
                       f->distant),
                strdup("use a local file system (umld(8), ENVIRONMENT)"));
}

/* ---- THE table ---- */

#define BY_EVENT CONDITION_BY_EVENT
#define BY_LOOK  CONDITION_BY_LOOK
#define BY_START CONDITION_BY_START

const ConditionRow condition_table[CONDITION_MAX] = {
        [CONDITION_UPLINK] = { "uplink", "each uplink exists, is up and has a carrier", BY_EVENT,
                               NULL, judge_uplink },
        [CONDITION_ADDRESS] = { "address", "each uplink has a public IPv4 address", BY_EVENT, NULL,
                                judge_address },
        [CONDITION_ROUTE] = { "route", "the host's route to the Internet goes through the uplinks",
                              BY_EVENT, NULL, judge_route },
        [CONDITION_REVERSE_PATH] = { "reverse-path",
                                     "the reverse path filter accepts what arrives on each uplink",
                                     BY_EVENT, NULL, judge_reverse_path },
        [CONDITION_FORWARDING] = { "forwarding", "the sysctl net.ipv4.ip_forward is 1", BY_EVENT,
                                   "it is set again", judge_forwarding },
        [CONDITION_FIREWALL] = { "firewall", "no other rule drops the guest's IPv4 packets",
                                 BY_EVENT, NULL, judge_firewall },
        [CONDITION_SNAT] = { "snat", "the addresses in SNATAddress= are the host's", BY_LOOK, NULL,
                             judge_snat },
        [CONDITION_UPLINK6] = { "uplink6",
                                "the uplink of IPv6 has a global address, and the route goes "
                                "through it",
                                BY_EVENT, NULL, judge_uplink6 },
        [CONDITION_FORWARDING6] = { "forwarding6", "the sysctl net.ipv6.conf.all.forwarding is 1",
                                    BY_EVENT, "it is set again", judge_forwarding6 },
        [CONDITION_FIREWALL6] = { "firewall6", "no other rule drops the guest's IPv6 packets",
                                  BY_EVENT, NULL, judge_firewall6 },
        [CONDITION_PROXY_NDP] = { "proxy-ndp",
                                  "the host answers on its uplinks for a guest's IPv6 address "
                                  "that is in their network",
                                  BY_LOOK, "it is set again", judge_proxy_ndp },
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
        [CONDITION_MEMORY] = { "memory", "the host has the memory that its guests may still use",
                               BY_LOOK, "guests with Balloon=auto give some back", judge_memory,
                               true },
        [CONDITION_DISK_SPACE] = { "disk-space",
                                   "the file systems of the guest's images have room for what it "
                                   "may still write",
                                   BY_LOOK, "it is frozen before they are full", judge_disk_space,
                                   true },
        [CONDITION_DIRECTORIES] = { "directories",
                                    "umld's own directories are on local file systems", BY_START,
                                    NULL, judge_directories, true },
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
