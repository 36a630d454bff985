/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-nat-bars.c - which rules of a plan keep the guest and others from each other. */

#include "plan-fixture.h"

/* What a rule says, in a few words, for comparison with a list. */
static const char *in_words(const NatRule *r, char buf[static 200]) {
        static const char *const verdicts[] = { [NAT_DROP] = "drop", [NAT_RETURN] = "return" };
        char address[IP_ADDRESS_TEXT_MAX];

        snprintf(buf, 200, "%s%s%s%s%s%s%s%s%s%s%s",
                 r->verdict == NAT_JUMP ? r->chain : verdicts[r->verdict],
                 nat_rule_has_mac(r) ? " not-mac" : "", r->not_source ? " not-source" : "",
                 r->states == NAT_STATE_DNAT ? " forwarded"
                 : r->states                 ? " established"
                                             : "",
                 ip_address_is_any(&r->destination) ? "" : " to ",
                 ip_address_is_any(&r->destination) ? ""
                                                    : ip_address_format(&r->destination, address),
                 r->destination_bits == 0    ? ""
                 : r->destination_bits == 16 ? "/16"
                                             : "/24",
                 r->protocol == IPPROTO_TCP   ? " tcp"
                 : r->protocol == IPPROTO_UDP ? " udp"
                                              : "",
                 r->in[0]    ? " in "
                 : r->out[0] ? " out "
                             : "",
                 r->in, r->out);
        return buf;
}

static void assert_words(const NatChain *c, const char *expected) {
        char all[2000] = "", one[200];

        for (size_t i = 0; i < c->n_rules; i++) {
                strcat(all, in_words(&c->rules[i], one));
                strcat(all, "\n");
        }
        assert_string_equal(all, expected);
}

#define OWN      "drop not-mac\ndrop not-source\nreturn established\nUMLD-CNT-web\n"
#define RESOLVER "return to 192.0.2.53 tcp\nreturn to 192.0.2.53 udp\n"
#define SECRETS  " to 169.254.0.0/16\n"
#define LINK     " to 192.0.2.0/24\n"
#define TO_ALL   "return established\nUMLD-CNT-web\nreturn forwarded\n"

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
                  OWN "return forwarded\n" RESOLVER "drop" SECRETS "drop" LINK
                      "return out venet0\ndrop\n",
                  TO_ALL "drop\n" },
                { 0, 1,
                  OWN "return forwarded\n" RESOLVER "return to 192.168.0.0/16\ndrop" SECRETS
                      "drop" LINK "drop\n",
                  TO_ALL "drop\n" },
                { NAT_REACH_INTERNET | NAT_REACH_LINK | NAT_REACH_METADATA, 0,
                  OWN "return forwarded\n" RESOLVER "return" SECRETS "return" LINK
                      "return out venet0\ndrop\n",
                  TO_ALL "drop\n" },
                { NAT_REACH_INTERNET | NAT_REACH_NEIGHBOURS, 0,
                  OWN "return forwarded\n" RESOLVER "drop" SECRETS "drop" LINK,
                  TO_ALL "drop in venet0\n" },
                { NAT_REACH_NEIGHBOURS, 0,
                  OWN "return forwarded\n" RESOLVER "drop" SECRETS "drop" LINK "drop out venet0\n",
                  TO_ALL "drop in venet0\n" },
        };
        NatPlan plan = plan_with(NULL, 0);

        (void) state;
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

/* What is not behind NAT is called by its own address, at the ports that are forwarded. */
static void test_direct(void **state) {
        static const Forward forwards[] = { { FORWARD_TCP, 8080, 8081, 80 } };
        NatPlan plan = plan_with(forwards, 1);
        const NatChain *to;
        NatChains chains;

        (void) state;
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

        (void) state;
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
                cmocka_unit_test(test_direct),
                cmocka_unit_test(test_sent),
        };

        return RUN_TESTS(tests);
}
