/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-nat-bars.c - which rules of a plan keep the guest and others from each other. */

#include <arpa/inet.h>

#include "plan-fixture.h"

/* Where to, or "": to all addresses. */
static const char *destination(const NatRule *r, char buf[static 80]) {
        const IpPrefix p = { r->destination, r->destination_bits };
        char address[INET6_ADDRSTRLEN];
        bool six = r->family == NAT_IPV6;

        if (ip_prefix_is_any(&p))
                return "";
        assert_non_null(inet_ntop(six ? AF_INET6 : AF_INET,
                                  six ? (const void *) &p.address.v6 : &p.address.v4, address,
                                  sizeof(address)));
        snprintf(buf, 80, p.bits > 0 ? " to %s/%u" : " to %s", address, p.bits);
        return buf;
}

/* What a rule says, in a few words, for comparison with a list. */
static const char *in_words(const NatRule *r, char buf[static 200]) {
        static const char *const verdicts[] = { [NAT_DROP] = "drop", [NAT_RETURN] = "return" };
        char to[80];

        snprintf(buf, 200, "%s%s%s%s%s%s%s%s",
                 r->verdict == NAT_JUMP ? r->chain : verdicts[r->verdict],
                 nat_rule_has_mac(r) ? " not-mac" : "", r->not_source ? " not-source" : "",
                 r->states == NAT_STATE_DNAT ? " forwarded"
                 : r->states                 ? " established"
                                             : "",
                 destination(r, to),
                 r->protocol == IPPROTO_TCP   ? " tcp"
                 : r->protocol == IPPROTO_UDP ? " udp"
                                              : "",
                 r->in[0]    ? " in "
                 : r->out[0] ? " out "
                             : "",
                 r->in[0] ? r->in : r->out);
        return buf;
}

static void assert_words(const NatChain *c, const char *expected) {
        char all[8000] = "", one[200];

        for (size_t i = 0; i < c->n_rules; i++) {
                strcat(all, in_words(&c->rules[i], one));
                strcat(all, "\n");
        }
        assert_string_equal(all, expected);
}

#define OWN      "drop not-mac\ndrop not-source\nreturn established\nUMLD-CNT-web\n"
#define RESOLVER "return to 192.0.2.53 tcp\nreturn to 192.0.2.53 udp\n"
#define SECRETS(verdict)                                                                           \
        verdict " to 169.254.0.0/16\n" verdict " to 100.100.100.200\n" verdict                     \
                " to 168.63.129.16\n" verdict " to 192.0.0.192\n"
#define LINK   " to 192.0.2.0/24\n"
#define TO_ALL "return established\nUMLD-CNT-web\nreturn forwarded\n"

/* Where the guest may begin connections to, and who may to it. */
static void test_reach(void **state) {
        static const IpPrefix link = { { .v4 = { 0x000200c0 } }, 24 },
                              reached = { { .v4 = { 0x0000a8c0 } }, 16 };
        static const IpAddress resolver = { .v4 = { 0x350200c0 } };
        static const struct {
                unsigned reach;
                size_t n_reached;
                const char *from, *to;
        } cases[] = {
                { NAT_REACH_INTERNET, 0,
                  OWN "return forwarded\n" RESOLVER SECRETS("drop") "drop" LINK
                                                                    "return out venet0\ndrop\n",
                  TO_ALL "drop\n" },
                { 0, 1,
                  OWN "return forwarded\n" RESOLVER
                      "return to 192.168.0.0/16\n" SECRETS("drop") "drop" LINK "drop\n",
                  TO_ALL "drop\n" },
                { NAT_REACH_INTERNET | NAT_REACH_LINK | NAT_REACH_METADATA, 0,
                  OWN "return forwarded\n" RESOLVER SECRETS("return") "return" LINK
                                                                      "return out venet0\ndrop\n",
                  TO_ALL "drop\n" },
                { NAT_REACH_INTERNET | NAT_REACH_NEIGHBOURS, 0,
                  OWN "return forwarded\n" RESOLVER SECRETS("drop") "drop" LINK,
                  TO_ALL "drop in venet0\n" },
                { NAT_REACH_NEIGHBOURS, 0,
                  OWN "return forwarded\n" RESOLVER SECRETS("drop") "drop" LINK "drop out venet0\n",
                  TO_ALL "drop in venet0\n" },
        };
        NatPlan plan = plan_with(NULL, 0);

        plan.has_mac = true;
        plan.mac[0] = 2;
        plan.connections = 7;
        plan.fresh = 9;
        plan.side[NAT_IPV4].links = &link;
        plan.side[NAT_IPV4].n_links = 1;
        plan.reached = &reached;
        plan.resolvers = &resolver;
        plan.n_resolvers = 1;
        FOREACH_ELEMENT (k, cases) {
                NatChains chains;

                plan.reach = k->reach;
                plan.n_reached = k->n_reached;
                ASSERT_OK(nat_chains_plan(&chains, &plan));
                assert_int_equal(chains.chain[NAT_CHAIN_CNT].n_rules, 4);
                assert_string_equal(chains.chain[NAT_CHAIN_CNT].rules[0].in, "tap0");
                assert_int_equal(chains.chain[NAT_CHAIN_CNT].rules[0].above, 3);
                assert_string_equal(chains.chain[NAT_CHAIN_CNT].rules[1].in, "");
                assert_int_equal(chains.chain[NAT_CHAIN_CNT].rules[1].above, 7);
                assert_true(chains.chain[NAT_CHAIN_CNT].rules[2].fresh);
                assert_int_equal(chains.chain[NAT_CHAIN_CNT].rules[2].verdict, NAT_RETURN);
                assert_int_equal(chains.chain[NAT_CHAIN_CNT].rules[3].verdict, NAT_DROP);
                assert_int_equal(chains.chain[NAT_CHAIN_CNT].rules[3].protocol, IPPROTO_TCP);
                assert_words(&chains.chain[NAT_CHAIN_FROM], k->from);
                assert_words(&chains.chain[NAT_CHAIN_TO], k->to);
                nat_chains_done(&chains);
        }
}

#define SECRETS6(verdict)                                                                          \
        verdict " to fd00:ec2::/32\n" verdict " to fd20:ce::/32\n" verdict                         \
                " to fd00:c1::a9fe:a9fe\n" verdict " to fd00:42::42\n" verdict                     \
                " to fd00:a9fe:a9fe::1\n" verdict " to fd00:100::100:200\n"
#define LINK6 " to 2001:db8:9::/64\n"
#define SECRETS64(verdict)                                                                         \
        verdict " to 64:ff9b::a9fe:0/112\n" verdict " to 64:ff9b::6464:64c8\n" verdict             \
                " to 64:ff9b::a83f:8110\n" verdict " to 64:ff9b::c000:c0\n"
#define LINK64 " to 64:ff9b::c000:200/120\n"
#define INNER64                                                                                    \
        "drop to 64:ff9b::/104\ndrop to 64:ff9b::a00:0/104\ndrop to 64:ff9b::6440:0/106\n"         \
        "drop to 64:ff9b::7f00:0/104\ndrop to 64:ff9b::ac10:0/108\n"                               \
        "drop to 64:ff9b::c0a8:0/112\n"
#define SECRETS2002(verdict)                                                                       \
        verdict " to 2002:a9fe::/32\n" verdict " to 2002:6464:64c8::/48\n" verdict                 \
                " to 2002:a83f:8110::/48\n" verdict " to 2002:c000:c0::/48\n"
#define LINK2002 " to 2002:c000:200::/40\n"
#define INNER2002                                                                                  \
        "drop to 2002::/24\ndrop to 2002:a00::/24\ndrop to 2002:6440::/26\n"                       \
        "drop to 2002:7f00::/24\ndrop to 2002:ac10::/28\ndrop to 2002:c0a8::/32\n"
#define LOCAL "drop to 64:ff9b:1::/48\n"

/* What it must not reach by IPv4 it must not reach by way of IPv6. */
static void test_translated(void **state) {
        static const IpPrefix link = { { .v4 = { 0x000200c0 } }, 24 },
                              link6 = { { .v6 = { { { 0x20, 1, 0x0d, 0xb8, 0, 9 } } } }, 64 },
                              reached[] = { { { .v4 = { 0x0100a9c0 } }, 0 },
                                            { { .v6 = { { { 0, 0x64, 0xff, 0x9b, 0, 1 } } } },
                                              48 } };
        static const struct {
                unsigned reach;
                size_t n_reached;
                const char *from;
        } cases[] = {
                { NAT_REACH_INTERNET, 0,
                  SECRETS6("drop") "drop" LINK6 SECRETS64("drop") "drop" LINK64 INNER64 SECRETS2002(
                          "drop") "drop" LINK2002 INNER2002 LOCAL "return out venet0\ndrop\n" },
                { NAT_REACH_INTERNET | NAT_REACH_METADATA | NAT_REACH_LINK, 0,
                  SECRETS6("return") "return" LINK6 SECRETS64("return") "return" LINK64 INNER64
                          SECRETS2002("return") "return" LINK2002 INNER2002 LOCAL
                                                "return out venet0\ndrop\n" },
                { NAT_REACH_INTERNET | NAT_REACH_NEIGHBOURS, 0,
                  SECRETS6("drop") "drop" LINK6 SECRETS64("drop") "drop" LINK64 SECRETS2002(
                          "drop") "drop" LINK2002 LOCAL },
                { NAT_REACH_INTERNET | NAT_REACH_METADATA | NAT_REACH_LINK | NAT_REACH_NEIGHBOURS,
                  0,
                  SECRETS6("return") "return" LINK6 SECRETS64("return") "return" LINK64 SECRETS2002(
                          "return") "return" LINK2002 },
                { 0, ARRAY_SIZE(reached),
                  "return to 64:ff9b:1::/48\n" SECRETS6(
                          "drop") "drop" LINK6
                                  "return to 64:ff9b::c0a9:1\n" SECRETS64(
                                          "drop") "drop" LINK64 INNER64
                                                  "return to 2002:c0a9:1::/48\n" SECRETS2002(
                                                          "drop") "drop" LINK2002 INNER2002 LOCAL
                                                                  "drop\n" },
        };
        NatPlan plan = plan_with(NULL, 0);

        plan.side[NAT_IPV4].links = &link;
        plan.side[NAT_IPV4].n_links = 1;
        plan.side[NAT_IPV6] =
                (NatSide){ .guest_address.v6 = GUEST6, .links = &link6, .n_links = 1 };
        plan.reached = reached;
        FOREACH_ELEMENT (k, cases) {
                char expected[4000];
                NatChains chains;

                plan.reach = k->reach;
                plan.n_reached = k->n_reached;
                ASSERT_OK(nat_chains_plan(&chains, &plan));
                snprintf(expected, sizeof(expected), "%s%s",
                         "drop not-source\nreturn established\nreturn forwarded\n"
                         "drop to ::/64\n",
                         k->from);
                assert_words(nat_chain(&chains, NAT_IPV6, NAT_CHAIN_FROM), expected);
                nat_chains_done(&chains);
        }
}

/* What is not behind NAT is called by its own address, at the ports that are forwarded. */
static void test_direct(void **state) {
        static const Forward forwards[] = { { FORWARD_TCP, 8080, 8081, 80 } };
        NatPlan plan = plan_with(forwards, 1);
        const NatChain *to;
        NatChains chains;

        plan.side[NAT_IPV4].masquerade = false;
        ASSERT_OK(nat_chains_plan(&chains, &plan));
        to = &chains.chain[NAT_CHAIN_TO];
        assert_words(to, "return established\nreturn forwarded\nreturn tcp\ndrop\n");
        assert_int_equal(to->rules[2].first_port, 80);
        assert_int_equal(to->rules[2].last_port, 81);
        nat_chains_done(&chains);
}

/* What the host sends to the guest by the tap, and to nobody else there. */
static void test_sent(void **state) {
        NatPlan plan = plan_with(NULL, 0);
        NatChains chains;

        plan.side[NAT_IPV6] = (NatSide){ .guest_address.v6 = GUEST6 };
        ASSERT_OK(nat_chains_plan(&chains, &plan));
        for (NatFamily f = 0; f < NAT_FAMILY_MAX; f++) {
                const NatChain *c = nat_chain(&chains, f, NAT_CHAIN_SND);
                const NatRule *last = &c->rules[c->n_rules - 1];

                assert_int_equal(c->place, NAT_FIRST);
                assert_string_equal(c->jump.out, "tap0");
                assert_int_equal(c->n_rules, f == NAT_IPV6 ? 3 : 1);
                assert_true(ip_address_equal(&last->destination, &plan.side[f].guest_address));
                assert_int_equal(last->verdict, NAT_ACCEPT);
        }
        nat_chains_done(&chains);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_reach),
                cmocka_unit_test(test_translated),
                cmocka_unit_test(test_direct),
                cmocka_unit_test(test_sent),
        };

        return RUN_TESTS(tests);
}
