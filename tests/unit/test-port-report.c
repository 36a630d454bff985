/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-port-report.c - the verdict about a port, for everything that may be wrong with it. */

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "test.h"

#include "daemon/bus/port-report.h"

static ConditionList conditions;

/* A host on which all is well, but for what is changed in it. */
static HostFacts good_host(void) {
        HostFacts f = { .tap = { "tap0", ANSWER_YES, ANSWER_YES, ANSWER_YES } };

        for (NatFamily i = 0; i < NAT_FAMILY_MAX; i++)
                f.side[i] = (SideFacts){
                        .used = true,
                        .uplinks = { { "venet0", ANSWER_YES, ANSWER_YES, ANSWER_YES, ANSWER_YES,
                                       ANSWER_NO } },
                        .n_uplinks = 1,
                        .has_ways = ANSWER_YES,
                        .ways = { "venet0" },
                        .n_ways = 1,
                        .forwarding = ANSWER_YES,
                        .looked_nft = ANSWER_YES,
                        .looked_legacy = ANSWER_YES,
                };
        return f;
}

static void set_host(const HostFacts *f) {
        condition_list_done(&conditions);
        ASSERT_OK(conditions_judge(f, &conditions));
}

static int setup(void **state) {
        HostFacts f = good_host();

        set_host(&f);
        return 0;
}

static int teardown(void **state) {
        condition_list_done(&conditions);
        return 0;
}

/* A forward that works. */
static PortFacts good(unsigned protocol) {
        return (PortFacts){
                .port = { protocol, 8080, 8080, 8080 },
                .key = "Forward",
                .leads = { protocol, 8000, 8999, 1 },
                .guest_port = 81,
                .guest.v4.s_addr = inet_addr("10.0.0.2"),
                .public.v4.s_addr = inet_addr("203.0.113.10"),
                .rules_known = true,
                .rules_right = true,
                .packets_known = true,
                .packets = 7,
                .packets_after = 8,
                .direct = { .made = true, .took = 300 },
                .network = { .made = true, .error = -ECONNREFUSED, .took = 200 },
                .through = { .made = true, .took = 400 },
                .conditions = &conditions,
                .tap = "tap0",
                .looked = ANSWER_YES,
                .flows_known = ANSWER_YES,
                .flows.served = { 1, { .v4.s_addr = inet_addr("198.51.100.7") } },
        };
}

static void check(const PortFacts *f, PortAnswer works, const char *verdict) {
        PortReport r = {};

        ASSERT_OK(port_report(f, &r));
        assert_string_equal(r.verdict, verdict);
        assert_int_equal(r.works, works);
        for (size_t i = 0; i < PORT_CHECKS; i++) {
                assert_non_null(r.checks[i].name);
                assert_true(strlen(r.checks[i].text) > 0);
        }
        port_report_done(&r);
}

static void check_line(const PortFacts *f, const char *name, PortAnswer answer, const char *text) {
        PortReport r = {};
        bool found = false;

        ASSERT_OK(port_report(f, &r));
        for (size_t i = 0; i < PORT_CHECKS; i++)
                if (strcmp(r.checks[i].name, name) == 0) {
                        found = true;
                        assert_string_equal(r.checks[i].text, text);
                        assert_int_equal(r.checks[i].answer, answer);
                }
        assert_true(found);
        port_report_done(&r);
}

static void test_ipv6(void **state) {
        PortFacts f = good(FORWARD_TCP);

        f.port.family = FORWARD_IPV6;
        ASSERT_OK(ip_address_parse("fd00::2", &f.guest));
        ASSERT_OK(ip_address_parse("2001:db8::10", &f.public));
        check(&f, PORT_YES,
              "tcp6/8080 works: Forward=tcp/8000-8999:1-1000 sends connections to fd00::2 tcp/81, "
              "which answers; 198.51.100.7 was served from outside");
        f.through.error = -ECONNREFUSED;
        check_line(&f, "from the host", PORT_NO, "2001:db8::10 tcp6/8080 refused");
}

static void test_works(void **state) {
        PortFacts f = good(FORWARD_TCP);
        PortReport r = {};

        check(&f, PORT_YES,
              "tcp/8080 works: Forward=tcp/8000-8999:1-1000 sends connections to 10.0.0.2 tcp/81, "
              "which answers; 198.51.100.7 was served from outside");
        ASSERT_OK(port_report(&f, &r));
        for (size_t i = 0; i < PORT_CHECKS; i++)
                assert_int_equal(r.checks[i].answer, PORT_YES);
        port_report_done(&r);
        f = good(FORWARD_UDP);
        check(&f, PORT_YES,
              "udp/8080 works: Forward=udp/8000-8999:1-1000 sends connections to 10.0.0.2 udp/81, "
              "which does not refuse; 198.51.100.7 was served from outside");
        f = good(FORWARD_TCP);
        f.key = "Proxy";
        f.packets_known = f.rules_right = false;
        check(&f, PORT_YES,
              "tcp/8080 works: Proxy=tcp/8000-8999:1-1000 sends connections to 10.0.0.2 tcp/81, "
              "which answers; 198.51.100.7 was served from outside");
}

/* The one proof is a stranger who was served. Without it, it is said on what the verdict rests. */
static void test_proof(void **state) {
        PortFacts f = good(FORWARD_TCP);

        check_line(&f, "from outside", PORT_YES, "198.51.100.7 was served");
        f.flows.served = (FlowsFound){};
        check(&f, PORT_YES,
              "tcp/8080 should work: Forward=tcp/8000-8999:1-1000 sends connections to 10.0.0.2 "
              "tcp/81, which answers; not tried from outside, but judged by the rules and a "
              "connection of the host's own");
        check_line(&f, "from outside", PORT_UNKNOWN,
                   "not tried: no connection from outside is tracked now");
        f = good(FORWARD_TCP);
        f.flows_known = ANSWER_UNKNOWN;
        check(&f, PORT_YES,
              "tcp/8080 should work: Forward=tcp/8000-8999:1-1000 sends connections to 10.0.0.2 "
              "tcp/81, which answers; not tried from outside, but judged by the rules and a "
              "connection of the host's own");
        check_line(&f, "from outside", PORT_UNKNOWN,
                   "not tried: the tracked connections cannot be listed");
        f = good(FORWARD_TCP); /* served a minute ago, and nobody is any more */
        f.direct.error = -ECONNREFUSED;
        check(&f, PORT_NO, "tcp/8080 does not work: nothing in the guest listens on tcp/81");
}

/* Each with all that comes after it wrong as well. */
static void test_order(void **state) {
        PortFacts f = good(FORWARD_TCP);

        f.through.error = -ECONNREFUSED;
        check(&f, PORT_NO,
              "tcp/8080 does not work: the guest listens, but connections to 203.0.113.10 tcp/8080 "
              "do not reach it: another rule of the host takes them");
        f.through.error = 0;
        f.packets_after = f.packets;
        check(&f, PORT_NO,
              "tcp/8080 does not work: the guest listens, but connections to 203.0.113.10 tcp/8080 "
              "do not reach it: another rule of the host takes them");
        f.direct.error = -ETIMEDOUT;
        check(&f, PORT_NO,
              "tcp/8080 does not work: the guest does not answer on tcp/81; check for a firewall "
              "in the guest");
        f.network.error = -ETIMEDOUT;
        check(&f, PORT_NO,
              "tcp/8080 does not work: the guest does not answer at 10.0.0.2 at all; check its "
              "network configuration");
        f.direct.error = -ENETUNREACH;
        f.network.error = -ENETUNREACH;
        check(&f, PORT_NO,
              "tcp/8080 does not work: cannot connect to the guest: Network is unreachable");
        f.direct.error = -ECONNREFUSED;
        check(&f, PORT_NO, "tcp/8080 does not work: nothing in the guest listens on tcp/81");
        f.rules_right = false;
        check(&f, PORT_NO,
              "tcp/8080 does not work: the firewall rules are wrong; umld repairs them within "
              "seconds, or logs why it cannot");
        f.state = "backoff";
        check(&f, PORT_NO, "tcp/8080 does not work: the guest is not running, but backoff");
        f.key = NULL;
        check(&f, PORT_NO, "tcp/8080 does not work: it is not in Forward=");
        f.host_listens = true;
        check(&f, PORT_NO,
              "tcp/8080 does not work: it is not in Forward=; the host's own service gets the "
              "connections (a process that is not visible from here)");
        f.host_listener = (Owner){ 812, "nginx" };
        check(&f, PORT_NO,
              "tcp/8080 does not work: it is not in Forward=; the host's own service gets the "
              "connections (nginx, pid 812)");
        f.guarded = "sshd, pid 7";
        check(&f, PORT_NO,
              "tcp/8080 does not work: it is guarded, because you reach the host through it (sshd, "
              "pid 7)");
}

/* Umld's own connection does not get out: that is no word about the guest, in either direction. */
static void test_unasked(void **state) {
        PortFacts f = good(FORWARD_TCP);

        f.direct.error = -EPERM;
        f.direct.own = true;
        check(&f, PORT_UNKNOWN,
              "whether tcp/8080 works cannot be told: umld cannot connect to the guest: the host's "
              "own firewall does not let it out; look for rules in OUTPUT before umld's own");
        check_line(&f, "guest listens", PORT_UNKNOWN,
                   "cannot ask 10.0.0.2 tcp/81: the host's own firewall does not let it out");
        f.rules_right = false; /* what is certain comes first */
        check(&f, PORT_NO,
              "tcp/8080 does not work: the firewall rules are wrong; umld repairs them within "
              "seconds, or logs why it cannot");
}

static void test_lines(void **state) {
        PortFacts f = good(FORWARD_TCP);

        check_line(&f, "rules", PORT_YES,
                   "they are in place; 7 connections so far, and the test connection was counted");
        f.packets_after = 7;
        check_line(
                &f, "rules", PORT_NO,
                "they are in place; 7 connections so far, but the test connection was not counted");
        f.packets_known = false;
        check_line(&f, "rules", PORT_YES, "they are in place");
        f.rules_known = false;
        check_line(&f, "rules", PORT_UNKNOWN, "unknown");
        f.host_listens = true;
        check_line(&f, "host listens", PORT_UNKNOWN,
                   "it does (a process that is not visible from here), but gets no connections "
                   "from outside");
        f.direct.error = -ETIMEDOUT;
        f.direct.took = 2000000;
        check_line(&f, "guest listens", PORT_NO, "10.0.0.2 tcp/81 did not answer within 2s");
        f.through.made = false;
        check_line(&f, "from the host", PORT_UNKNOWN, "not tested");
}

/* Each thing that is in a stranger's way, by itself. */
static void test_way(void **state) {
        PortFacts f = good(FORWARD_TCP);
        HostFacts host = good_host();
        Obstacle ufw = { .ways = 1 << NAT_WAY_IN,
                         .certain = true,
                         .table_family = 2,
                         .table = "filter",
                         .base = "FORWARD",
                         .chain = "ufw-reject-forward",
                         .firewall = FIREWALL_UFW };

        f.obstacles = (Obstacles){ .list = { ufw }, .n = 1 };
        check(&f, PORT_NO,
              "tcp/8080 does not work: ufw drops IPv4 connections to the guest: a rule in chain "
              "ufw-reject-forward of the nftables table ip filter; ufw route allow in on tap0 && "
              "ufw route allow out on tap0");
        f.obstacles.list[0].certain = false;
        check(&f, PORT_UNKNOWN,
              "whether tcp/8080 works cannot be told: firewall: ufw may drop IPv4 connections to "
              "the guest: a rule "
              "in chain ufw-reject-forward of the nftables table ip filter; ufw route allow in on "
              "tap0 && ufw route allow out on tap0");
        f = good(FORWARD_TCP);
        f.taking = (Taking){ .taken = true, .legacy = true, .table = "nat", .chain = "DOCKER" };
        check(&f, PORT_NO,
              "tcp/8080 does not work: a rule in chain DOCKER of the legacy table nat takes the "
              "connection elsewhere");
        f = good(FORWARD_TCP);
        f.public = (IpAddress){};
        f.through.made = false;
        check(&f, PORT_UNKNOWN,
              "whether tcp/8080 works cannot be told: address: the uplink has no public IPv4 "
              "address");
        f.port.family = FORWARD_IPV6;
        check(&f, PORT_NO, "tcp6/8080 does not work: the uplink has no public IPv6 address");
        f = good(FORWARD_TCP);
        host.side[NAT_IPV4].forwarding = ANSWER_NO;
        set_host(&host);
        check(&f, PORT_NO,
              "tcp/8080 does not work: net.ipv4.ip_forward is 0, so nothing passes between the "
              "guest and the uplink; sysctl -w net.ipv4.ip_forward=1, and see what sets it to 0");
        f.key = "Proxy"; /* which does without */
        check(&f, PORT_YES,
              "tcp/8080 works: Proxy=tcp/8000-8999:1-1000 sends connections to 10.0.0.2 tcp/81, "
              "which answers; 198.51.100.7 was served from outside");
        f.key = "Forward";
        host.side[NAT_IPV4].named_by = "Uplink";
        host.side[NAT_IPV4].uplinks[0] = (LinkFacts){ "eth0", ANSWER_NO };
        set_host(&host);
        check(&f, PORT_NO,
              "tcp/8080 does not work: Uplink=eth0: the host has no such interface; set "
              "Uplink=venet0, or Uplink=auto");
        f = good(FORWARD_UDP);
        setup(NULL);
        f.flows = (PortFlows){ .stale = { 1, { .v4.s_addr = inet_addr("192.0.2.7") } } };
        check(&f, PORT_NO,
              "udp/8080 does not work: packets of 192.0.2.7 do not reach the guest, because the "
              "host still tracks a connection from before the forward; conntrack -D -p udp "
              "--orig-port-dst 8080");
}

/* What nobody has looked at never works. */
static void test_doubt(void **state) {
        PortFacts f = good(FORWARD_TCP);
        HostFacts host = good_host();

        f.looked = ANSWER_UNKNOWN;
        check(&f, PORT_UNKNOWN, "whether tcp/8080 works cannot be told: PREROUTING: unknown");
        f = good(FORWARD_TCP);
        f.rules_known = false;
        check(&f, PORT_UNKNOWN, "whether tcp/8080 works cannot be told: rules: unknown");
        f = good(FORWARD_TCP);
        f.direct.made = false;
        check(&f, PORT_UNKNOWN, "whether tcp/8080 works cannot be told: guest listens: not tested");
        f = good(FORWARD_UDP);
        f.flows_known = ANSWER_UNKNOWN;
        check(&f, PORT_UNKNOWN, "whether udp/8080 works cannot be told: conntrack: unknown");
        f = good(FORWARD_TCP);
        f.conditions = NULL;
        check(&f, PORT_UNKNOWN, "whether tcp/8080 works cannot be told: uplink: unknown");
        host.side[NAT_IPV4].forwarding = ANSWER_UNKNOWN;
        set_host(&host);
        f.conditions = &conditions;
        check(&f, PORT_UNKNOWN, "whether tcp/8080 works cannot be told: forwarding: unknown");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_works, setup, teardown),
                cmocka_unit_test_setup_teardown(test_ipv6, setup, teardown),
                cmocka_unit_test_setup_teardown(test_proof, setup, teardown),
                cmocka_unit_test_setup_teardown(test_order, setup, teardown),
                cmocka_unit_test_setup_teardown(test_unasked, setup, teardown),
                cmocka_unit_test_setup_teardown(test_lines, setup, teardown),
                cmocka_unit_test_setup_teardown(test_way, setup, teardown),
                cmocka_unit_test_setup_teardown(test_doubt, setup, teardown),
        };

        return RUN_TESTS(tests);
}
