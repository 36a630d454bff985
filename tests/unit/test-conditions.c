/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-conditions.c - what is made of facts about the host. */

#include <string.h>

#include "test.h"

#include "facts/conditions.h"

#include <linux/netfilter.h>

#define UP(name)                                                                                   \
        { name, ANSWER_YES, ANSWER_YES, ANSWER_YES, ANSWER_YES, ANSWER_YES }

/* A host on which all is well. */
static HostFacts good(void) {
        HostFacts f = { .tap = { "tap0", ANSWER_YES, ANSWER_YES, ANSWER_YES },
                        .answers = ANSWER_YES,
                        .rules = ANSWER_YES,
                        .memory = ANSWER_YES,
                        .space = ANSWER_YES,
                        .local = ANSWER_YES,
                        .tracked = 10,
                        .tracked_max = 1000 };

        for (NatFamily i = 0; i < NAT_FAMILY_MAX; i++)
                f.side[i] = (SideFacts){
                        .used = true,
                        .uplinks = { UP("venet0") },
                        .n_uplinks = 1,
                        .has_ways = ANSWER_YES,
                        .ways = { "venet0" },
                        .n_ways = 1,
                        .forwarding = ANSWER_YES,
                        .snat_address.v4.s_addr = 1,
                        .has_snat_address = ANSWER_YES,
                        .looked_nft = ANSWER_YES,
                        .looked_legacy = ANSWER_YES,
                };
        return f;
}

/* One with two ways out. */
static HostFacts good_twice(void) {
        HostFacts f = good();

        for (NatFamily i = 0; i < NAT_FAMILY_MAX; i++) {
                f.side[i].uplinks[f.side[i].n_uplinks++] = (LinkFacts) UP("eth1");
                strcpy(f.side[i].ways[f.side[i].n_ways++], "eth1");
        }
        return f;
}

static void no_ways(SideFacts *side) {
        side->has_ways = ANSWER_NO;
        side->n_ways = 0;
}

/* The condition in that state, with that sentence and remedy; all others are ok or unused. */
static void check(const HostFacts *f, ConditionKind kind, ConditionState state, const char *text) {
        _cleanup_(condition_list_done) ConditionList list = {};
        _cleanup_free_ char *said = NULL;
        const Condition *worst;

        ASSERT_OK(conditions_judge(f, &list));
        for (size_t i = 0; i < list.n; i++)
                if (list.v[i].kind != kind && condition_is_told(&list.v[i]))
                        fail_msg("%s: %s", condition_table[list.v[i].kind].name, list.v[i].text);
        worst = condition_list_worst(&list, kind);
        assert_non_null(worst);
        said = condition_format(worst);
        assert_string_equal(said, text);
        assert_int_equal(worst->state, state);
}

static void test_good(void **state) {
        _cleanup_(condition_list_done) ConditionList list = {};
        HostFacts f = good();

        ASSERT_OK(conditions_judge(&f, &list));
        for (ConditionKind k = 0; k < CONDITION_MAX; k++) {
                const Condition *worst = condition_list_worst(&list, k);

                assert_non_null(worst);
                assert_int_equal(worst->state, CONDITION_OK);
                assert_non_null(condition_table[k].name);
        }
        condition_list_done(&list);
        f = good_twice();
        ASSERT_OK(conditions_judge(&f, &list));
        for (size_t i = 0; i < list.n; i++)
                assert_int_equal(list.v[i].state, CONDITION_OK);
}

/* Not looked at is never ok. */
static void test_unknown(void **state) {
        _cleanup_(condition_list_done) ConditionList list = {};
        HostFacts f = { .side = { { .used = true, .uplinks = { { "eth0" } }, .n_uplinks = 1 },
                                  { .used = true, .uplinks = { { "eth0" } }, .n_uplinks = 1 } } };

        ASSERT_OK(conditions_judge(&f, &list));
        for (size_t i = 0; i < list.n; i++)
                if (list.v[i].kind != CONDITION_NETWORK && list.v[i].kind != CONDITION_FORWARDS &&
                    list.v[i].kind != CONDITION_SNAT && list.v[i].kind != CONDITION_PROXY_NDP)
                        assert_int_equal(list.v[i].state, CONDITION_UNKNOWN);
}

static void test_uplink(void **state) {
        HostFacts f = good();
        LinkFacts *link = &f.side[NAT_IPV4].uplinks[0];

        link->carrier = ANSWER_NO;
        check(&f, CONDITION_UPLINK, CONDITION_BROKEN,
              "the uplink venet0 has no carrier; see what it is connected to");
        link->up = ANSWER_NO;
        check(&f, CONDITION_UPLINK, CONDITION_BROKEN,
              "the uplink venet0 is down; ip link set venet0 up");
        f = good();
        f.side[NAT_IPV4].n_uplinks = 0;
        check(&f, CONDITION_UPLINK, CONDITION_BROKEN,
              "the host has no uplink for IPv4; give it a default route, or name the interface in "
              "Uplink=");
        f = good();
        f.side[NAT_IPV4].uplinks[0].addresses = ANSWER_NO;
        check(&f, CONDITION_ADDRESS, CONDITION_BROKEN,
              "the uplink venet0 has no public IPv4 address; give it one, or set another Uplink=");
        f = good();
        no_ways(&f.side[NAT_IPV4]);
        f.side[NAT_IPV6].used = false;
        check(&f, CONDITION_ROUTE, CONDITION_BROKEN,
              "the host has no default route for IPv4: the guest reaches nothing on the Internet; "
              "ip route add default …");
        f = good();
        f.side[NAT_IPV6].uplinks[0].addresses = ANSWER_NO;
        check(&f, CONDITION_UPLINK6, CONDITION_WARNING,
              "the uplink venet0 has no global IPv6 address, so the guest has no IPv6 beyond this "
              "host; give it one, or remove HostAddress6=");
        f.side[NAT_IPV6].uplinks[0].addresses = ANSWER_YES;
        no_ways(&f.side[NAT_IPV6]);
        check(&f, CONDITION_UPLINK6, CONDITION_WARNING,
              "the host has no default route for IPv6: the guest reaches nothing on the Internet "
              "over IPv6; ip -6 route add default …");
}

/* How bad is what the list has of that kind? */
static ConditionState state_of(const HostFacts *f, ConditionKind kind) {
        _cleanup_(condition_list_done) ConditionList list = {};

        ASSERT_OK(conditions_judge(f, &list));
        return condition_list_worst(&list, kind)->state;
}

static void test_other_uplink(void **state) {
        HostFacts f = good();
        SideFacts *side = &f.side[NAT_IPV4];

        side->named_by = "Uplink";
        strcpy(side->ways[0], "eth1");
        side->uplinks[0].strict = ANSWER_NO;
        check(&f, CONDITION_ROUTE, CONDITION_WARNING,
              "Uplink=venet0, but the host's route to the Internet goes through eth1: what the "
              "guest "
              "sends "
              "there is not masqueraded, and nothing that comes in there is forwarded; set "
              "Uplink=eth1, or Uplink=auto");
        side->uplinks[0].strict = ANSWER_YES;
        assert_int_equal(state_of(&f, CONDITION_REVERSE_PATH), CONDITION_BROKEN);
        f = good_twice();
        f.side[NAT_IPV6].named_by = "Uplink6";
        f.side[NAT_IPV6].n_uplinks = 1;
        check(&f, CONDITION_UPLINK6, CONDITION_WARNING,
              "Uplink6=venet0, but the host's route to the Internet goes through eth1, too: what "
              "the "
              "guest sends there is not masqueraded, and nothing that comes in there is forwarded; "
              "add eth1 to Uplink6=, or set Uplink6=auto");
        f = good_twice(); /* what was found follows the routes */
        f.side[NAT_IPV4].n_uplinks = 1;
        assert_int_equal(state_of(&f, CONDITION_ROUTE), CONDITION_OK);
}

/* What is wrong with one of two uplinks is said, by its name. */
static void test_two_uplinks(void **state) {
        HostFacts f = good_twice();
        LinkFacts *links = f.side[NAT_IPV4].uplinks;

        links[1].up = links[1].carrier = ANSWER_NO;
        check(&f, CONDITION_UPLINK, CONDITION_WARNING,
              "the uplink eth1 is down; ip link set eth1 up");
        links[0].exists = ANSWER_NO;
        assert_int_equal(state_of(&f, CONDITION_UPLINK), CONDITION_BROKEN);
        f = good_twice();
        f.side[NAT_IPV4].named_by = "Uplink";
        links[1] = (LinkFacts){ .name = "eth2", .exists = ANSWER_NO };
        f.side[NAT_IPV4].n_ways = 1;
        check(&f, CONDITION_UPLINK, CONDITION_WARNING,
              "Uplink=eth2: the host has no such interface; set Uplink=venet0, or Uplink=auto");
        f = good_twice();
        links[1].addresses = ANSWER_NO;
        check(&f, CONDITION_ADDRESS, CONDITION_WARNING,
              "the uplink eth1 has no public IPv4 address; give it one, or set another Uplink=");
        links[0].addresses = ANSWER_NO;
        assert_int_equal(state_of(&f, CONDITION_ADDRESS), CONDITION_BROKEN);
        f = good_twice();
        f.side[NAT_IPV6].uplinks[0].addresses = ANSWER_NO;
        assert_int_equal(state_of(&f, CONDITION_UPLINK6), CONDITION_OK);
}

/* A VPN beside the default route: the filter of the other uplink drops what comes there. */
static void test_vpn(void **state) {
        HostFacts f = good_twice();
        SideFacts *side = &f.side[NAT_IPV4];

        side->n_ways = 1;
        strcpy(side->ways[0], "eth1");
        check(&f, CONDITION_REVERSE_PATH, CONDITION_WARNING,
              "rp_filter drops what arrives from the Internet on venet0, because the host's route "
              "there goes through eth1; sysctl -w net.ipv4.conf.venet0.rp_filter=2");
        side->uplinks[0].strict = ANSWER_NO;
        assert_int_equal(state_of(&f, CONDITION_REVERSE_PATH), CONDITION_OK);
}

static void test_only_ipv6(void **state) {
        HostFacts f = good();

        f.side[NAT_IPV4].n_uplinks = 0;
        no_ways(&f.side[NAT_IPV4]);
        check(&f, CONDITION_ROUTE, CONDITION_WARNING,
              "the host has no default route for IPv4: the guest reaches nothing on the Internet "
              "over IPv4; ip route add default …");
        assert_int_equal(state_of(&f, CONDITION_UPLINK), CONDITION_UNUSED);
        assert_int_equal(state_of(&f, CONDITION_ADDRESS), CONDITION_UNUSED);
        f.side[NAT_IPV6].used = false;
        assert_int_equal(state_of(&f, CONDITION_UPLINK), CONDITION_BROKEN);
        assert_int_equal(state_of(&f, CONDITION_ROUTE), CONDITION_BROKEN);
}

static void test_snat(void **state) {
        HostFacts f = good();

        ASSERT_OK(ip_address_parse("203.0.113.7", &f.side[NAT_IPV4].snat_address));
        f.side[NAT_IPV4].has_snat_address = ANSWER_NO;
        check(&f, CONDITION_SNAT, CONDITION_WARNING,
              "SNATAddress=203.0.113.7 is not an address of the host, so answers to the guest "
              "arrive only if they are routed here; ip address add 203.0.113.7/32 dev venet0, or "
              "set another SNATAddress=");
        f.side[NAT_IPV4].has_snat_address = ANSWER_UNKNOWN;
        f.side[NAT_IPV6].used = false;
        assert_int_equal(state_of(&f, CONDITION_SNAT), CONDITION_UNKNOWN);
        f.side[NAT_IPV4].snat_address = (IpAddress){};
        assert_int_equal(state_of(&f, CONDITION_SNAT), CONDITION_UNUSED);
}

static void test_own(void **state) {
        HostFacts f = good();

        f.side[NAT_IPV4].forwarding = ANSWER_NO;
        check(&f, CONDITION_FORWARDING, CONDITION_BROKEN,
              "net.ipv4.ip_forward is 0, so nothing passes between the guest and the uplink; "
              "sysctl -w net.ipv4.ip_forward=1, and see what sets it to 0");
        f = good();
        f.rules = ANSWER_NO;
        check(&f, CONDITION_RULES, CONDITION_BROKEN,
              "the guest's firewall rules are not in place; the log says why they cannot be "
              "restored");
        f = good();
        f.tap.up = ANSWER_NO;
        check(&f, CONDITION_TAP, CONDITION_BROKEN,
              "the guest's tap tap0 is down; ip link set tap0 up");
        f.tap.exists = ANSWER_NO;
        check(&f, CONDITION_TAP, CONDITION_BROKEN,
              "the guest's tap tap0 is gone; restart the guest, which makes it again");
        f = good();
        f.collision = "it is used twice";
        check(&f, CONDITION_NETWORK, CONDITION_WARNING,
              "it is used twice; set another HostAddress=");
        f.network_chosen = true;
        check(&f, CONDITION_NETWORK, CONDITION_WARNING,
              "it is used twice; stop and start the guest to get another network");
        f = good();
        f.tracked = 900;
        check(&f, CONDITION_CONNTRACK, CONDITION_WARNING,
              "the host tracks 900 of at most 1000 connections, and drops new ones above "
              "that; find out whose they are (conntrack -L), or set a higher "
              "net.netfilter.nf_conntrack_max");
}

static void test_forwards(void **state) {
        _cleanup_(condition_list_done) ConditionList list = {};
        HostFacts f = good();

        f.side[NAT_IPV6].snat_address = (IpAddress){};
        f.forwards = "one; with; what to do\nanother\n";
        ASSERT_OK(conditions_judge(&f, &list));
        assert_int_equal(list.n, CONDITION_MAX + 1);
        assert_string_equal(list.v[CONDITION_FORWARDS].text, "one; with");
        assert_string_equal(list.v[CONDITION_FORWARDS].remedy, "what to do");
        assert_string_equal(list.v[CONDITION_FORWARDS + 1].text, "another");
        assert_string_equal(list.v[CONDITION_FORWARDS + 1].remedy, "");
        assert_true(condition_list_has(&list, &list.v[CONDITION_FORWARDS]));
}

static void test_firewalls(void **state) {
        static const struct {
                Obstacle o;
                const char *text;
        } cases[] = {
                { { .ways = 3,
                    .certain = true,
                    .policy = true,
                    .table_family = NFPROTO_IPV4,
                    .table = "filter",
                    .base = "FORWARD",
                    .chain = "FORWARD",
                    .firewall = FIREWALL_UFW },
                  "ufw drops IPv4 connections to and of the guest: the policy of chain "
                  "FORWARD of the nftables table ip filter; ufw route allow in on tap0 && "
                  "ufw route allow out on tap0" },
                { { .ways = 1 << NAT_WAY_OUT,
                    .certain = true,
                    .table_family = NFPROTO_INET,
                    .table = "firewalld",
                    .base = "filter_FORWARD",
                    .chain = "filter_FORWARD",
                    .firewall = FIREWALL_FIREWALLD },
                  "firewalld drops IPv4 connections of the guest: a rule in chain "
                  "filter_FORWARD of the nftables table inet firewalld; firewall-cmd --permanent "
                  "--zone=trusted --add-interface=tap0 && firewall-cmd --reload" },
                { { .ways = 1 << NAT_WAY_IN,
                    .certain = true,
                    .policy = true,
                    .legacy = true,
                    .table = "filter",
                    .base = "FORWARD",
                    .chain = "FORWARD",
                    .firewall = FIREWALL_DOCKER },
                  "Docker's firewall drops IPv4 connections to the guest: the policy of chain "
                  "FORWARD of the legacy iptables table filter; iptables-legacy -I DOCKER-USER -i "
                  "tap0 -j ACCEPT && iptables-legacy -I DOCKER-USER -o tap0 -j ACCEPT" },
                { { .ways = 1 << NAT_WAY_IN,
                    .table_family = NFPROTO_INET,
                    .table = "mine",
                    .base = "fwd",
                    .chain = "sub" },
                  "another firewall may drop IPv4 connections to the guest: a rule in chain sub "
                  "of the nftables table inet mine; nft insert rule inet mine fwd iifname tap0 "
                  "accept && nft insert rule inet mine fwd oifname tap0 accept" },
        };

        FOREACH_ELEMENT (c, cases) {
                HostFacts f = good();

                f.side[NAT_IPV4].nft = (Obstacles){ .list = { c->o }, .n = 1 };
                check(&f, CONDITION_FIREWALL, c->o.certain ? CONDITION_BROKEN : CONDITION_WARNING,
                      c->text);
                f = good();
                f.side[NAT_IPV4].legacy = (Obstacles){ .list = { c->o }, .n = 1 };
                check(&f, CONDITION_FIREWALL, c->o.certain ? CONDITION_BROKEN : CONDITION_WARNING,
                      c->text);
        }
}

static void test_stocks(void **state) {
        HostFacts f = good();

        f.memory = ANSWER_NO;
        f.memory_why = "/dev/shm is nearly full";
        check(&f, CONDITION_MEMORY, CONDITION_WARNING,
              "/dev/shm is nearly full; stop another guest, set a lower Memory=, or set "
              "Balloon=auto");
        f.memory_short = true;
        check(&f, CONDITION_MEMORY, CONDITION_BROKEN,
              "/dev/shm is nearly full; stop another guest, set a lower Memory=, or set "
              "Balloon=auto");
        f = good();
        f.space = ANSWER_NO;
        f.space_why = "only 3M left";
        check(&f, CONDITION_DISK_SPACE, CONDITION_WARNING, "only 3M left; free some space on it");
        f.space_full = true;
        check(&f, CONDITION_DISK_SPACE, CONDITION_BROKEN, "only 3M left; free some space on it");
        f = good();
        f.local = ANSWER_NO;
        f.distant = "/srv/log/web";
        check(&f, CONDITION_DIRECTORIES, CONDITION_WARNING,
              "on a network file system or FUSE, for which umld waits when it does not respond: "
              "/srv/log/web; use a local file system (umld(8), ENVIRONMENT)");
}

static void test_proxy_ndp(void **state) {
        _cleanup_(condition_list_done) ConditionList list = {};
        HostFacts f = good();

        f.answers = ANSWER_UNKNOWN; /* the guest's address is no neighbour's */
        ASSERT_OK(conditions_judge(&f, &list));
        assert_int_equal(condition_list_worst(&list, CONDITION_PROXY_NDP)->state, CONDITION_UNUSED);
        f.answers = ANSWER_NO;
        f.answers_error = -EROFS;
        ASSERT_OK(ip_address_parse("2001:db8::1:2", &f.answers_for));
        check(&f, CONDITION_PROXY_NDP, CONDITION_BROKEN,
              "the host does not answer on venet0 for the guest's address 2001:db8::1:2 (Read-only "
              "file system), so nobody there can reach it; sysctl -w "
              "net.ipv6.conf.all.proxy_ndp=1 && ip -6 neighbour add proxy 2001:db8::1:2 dev "
              "venet0, "
              "or set Masquerade6=auto");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_good),      cmocka_unit_test(test_unknown),
                cmocka_unit_test(test_uplink),    cmocka_unit_test(test_other_uplink),
                cmocka_unit_test(test_own),       cmocka_unit_test(test_forwards),
                cmocka_unit_test(test_firewalls), cmocka_unit_test(test_two_uplinks),
                cmocka_unit_test(test_vpn),       cmocka_unit_test(test_only_ipv6),
                cmocka_unit_test(test_snat),      cmocka_unit_test(test_proxy_ndp),
                cmocka_unit_test(test_stocks),
        };

        return RUN_TESTS(tests);
}
