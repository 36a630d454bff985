/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-nat-plan.c - which chains and rules a plan means. */

#include "plan-fixture.h"

static void test_chains(void **state) {
        const NatPlan plan = plan_with(NULL, 0);
        NatChains chains;
        const NatChain *c = chains.chain;

        ASSERT_OK(nat_chains_plan(&chains, &plan));
        assert_string_equal(c[NAT_CHAIN_FWD].name, "UMLD-FWD-web");
        assert_string_equal(c[NAT_CHAIN_PRE].name, "UMLD-PRE-web");
        assert_string_equal(c[NAT_CHAIN_POST].name, "UMLD-POST-web");
        assert_int_equal(c[NAT_CHAIN_FWD].n_rules, 2);
        assert_int_equal(c[NAT_CHAIN_PRE].n_rules, 0); /* and so no chain at all */
        assert_int_equal(c[NAT_CHAIN_POST].n_rules, 1);
        assert_int_equal(c[NAT_CHAIN_FWD].place, NAT_BEHIND_BANS);
        for (size_t i = 0; i < NAT_CHAIN_MAX; i++) {
                assert_int_equal(c[i].jump.verdict, NAT_JUMP);
                assert_string_equal(c[i].jump.chain, c[i].name);
                assert_string_equal(c[i].jump.in, i == NAT_CHAIN_PRE ? "venet0"
                                                  : i == NAT_CHAIN_IN || i == NAT_CHAIN_FROM
                                                          ? "tap0"
                                                          : "");
        }
        nat_chains_done(&chains);

        nat_chains_init(&chains, "web");
        for (size_t i = 0; i < NAT_CHAIN_MAX; i++)
                assert_int_equal(c[i].n_rules, 0);
        nat_chains_done(&chains);
}

static void assert_redirection(const NatRule *r, uint8_t protocol, unsigned first, unsigned last,
                               unsigned to) {
        assert_int_equal(r->protocol, protocol);
        assert_int_equal(r->first_port, first);
        assert_int_equal(r->last_port, last);
        assert_int_equal(r->verdict, NAT_DNAT);
        assert_int_equal(r->to_port, to);
        assert_int_equal(ntohl(r->to_address.v4.s_addr), 0x0a000002);
}

static void test_forwards(void **state) {
        static const Forward forwards[] = {
                { FORWARD_TCP | FORWARD_UDP, 8000, 10000, 8000 },
                { FORWARD_TCP, 443, 443, 443 },
                { FORWARD_UDP, 65534, 65535, 1 },
        };
        const NatPlan plan = plan_with(forwards, ARRAY_SIZE(forwards));
        NatChains chains;
        const NatRule *r;

        ASSERT_OK(nat_chains_plan(&chains, &plan));
        assert_int_equal(chains.chain[NAT_CHAIN_PRE].n_rules, 5);
        r = chains.chain[NAT_CHAIN_PRE].rules;
        assert_redirection(&r[0], IPPROTO_TCP, 8000, 10000, 0);
        assert_redirection(&r[1], IPPROTO_UDP, 8000, 10000, 0);
        assert_redirection(&r[2], IPPROTO_TCP, 443, 443, 0);
        assert_redirection(&r[3], IPPROTO_UDP, 65534, 65534, 1);
        assert_redirection(&r[4], IPPROTO_UDP, 65535, 65535, 2);
        nat_chains_done(&chains);
}

/* Guarded ports go first where a forward would take them, "all" goes last. */
static void test_guard(void **state) {
        static const Forward forwards[] = {
                { FORWARD_TCP | FORWARD_UDP, 1, 65535, 1 },
                { FORWARD_TCP, 8080, 8080, 80 },
        };
        static const Forward guarded[] = {
                { FORWARD_TCP, 22, 22, 22 },
                { FORWARD_TCP | FORWARD_UDP, 9000, 9010, 9000 },
        };
        NatPlan plan = plan_with(forwards, ARRAY_SIZE(forwards));
        NatChains chains;
        const NatRule *r;

        plan.guarded = guarded;
        plan.n_guarded = ARRAY_SIZE(guarded);
        ASSERT_OK(nat_chains_plan(&chains, &plan));
        assert_int_equal(chains.chain[NAT_CHAIN_PRE].n_rules, 6);
        r = chains.chain[NAT_CHAIN_PRE].rules;
        for (size_t i = 0; i < 3; i++) {
                assert_int_equal(r[i].verdict, NAT_RETURN);
                assert_int_equal(r[i].protocol, i < 2 ? IPPROTO_TCP : IPPROTO_UDP);
                assert_int_equal(r[i].first_port, i < 1 ? 22 : 9000);
                assert_int_equal(r[i].last_port, i < 1 ? 22 : 9010);
        }
        assert_redirection(&r[3], IPPROTO_TCP, 8080, 8080, 80);
        assert_redirection(&r[4], IPPROTO_TCP, 1, 65535, 0);
        assert_redirection(&r[5], IPPROTO_UDP, 1, 65535, 0);
        nat_chains_done(&chains);

        /* What no forward touches needs no rule, and without forwards there is no chain. */
        plan.forwards++;
        plan.n_forwards--;
        ASSERT_OK(nat_chains_plan(&chains, &plan));
        assert_int_equal(chains.chain[NAT_CHAIN_PRE].n_rules, 1);
        nat_chains_done(&chains);
        plan.n_forwards = 0;
        ASSERT_OK(nat_chains_plan(&chains, &plan));
        assert_int_equal(chains.chain[NAT_CHAIN_PRE].n_rules, 0);
        nat_chains_done(&chains);
}

/* To an address of the uplink from elsewhere than the uplink. */
static void test_public_addresses(void **state) {
        static const Forward forward = { FORWARD_TCP, 80, 80, 80 };
        static const IpAddress public[] = { { .v4 = { 1 } }, { .v4 = { 2 } } };
        static const int near[] = { NAT_CHAIN_LOC, NAT_CHAIN_OUT };
        NatPlan plan = plan_with(&forward, 1);
        NatChains chains;
        const NatRule *r;

        plan.side[NAT_IPV4].public = public;
        plan.side[NAT_IPV4].n_public = ARRAY_SIZE(public);
        plan.side[NAT_IPV4].host_address.v4.s_addr = htonl(0x0a000001);
        ASSERT_OK(nat_chains_plan(&chains, &plan));
        FOREACH_ELEMENT (n, near) {
                assert_int_equal(chains.chain[*n].n_rules, 2);
                r = chains.chain[*n].rules;
                for (size_t i = 0; i < 2; i++) {
                        assert_int_equal(r[i].verdict, NAT_JUMP);
                        assert_string_equal(r[i].chain, "UMLD-PRE-web");
                        assert_int_equal(r[i].destination.v4.s_addr, public[i].v4.s_addr);
                }
        }
        assert_int_equal(chains.chain[NAT_CHAIN_POST].n_rules, 2);
        r = chains.chain[NAT_CHAIN_POST].rules;
        assert_int_equal(r->verdict, NAT_SNAT);
        assert_int_equal(r->source.v4.s_addr, r->destination.v4.s_addr);
        assert_int_equal(r->to_address.v4.s_addr, plan.side[NAT_IPV4].host_address.v4.s_addr);
        assert_string_equal(r->out, "tap0");
        nat_chains_done(&chains);

        plan.one_arm = true;
        ASSERT_OK(nat_chains_plan(&chains, &plan));
        assert_int_equal(chains.chain[NAT_CHAIN_POST].n_rules, 2);
        r = chains.chain[NAT_CHAIN_POST].rules;
        assert_int_equal(r->verdict, NAT_SNAT);
        assert_int_equal(r->source.v4.s_addr, INADDR_ANY);
        assert_int_equal(r->states, NAT_STATE_DNAT);
        nat_chains_done(&chains);

        plan.side[NAT_IPV4].snat_address.v4.s_addr = htonl(0xcb00710a);
        plan.n_forwards = 0;
        ASSERT_OK(nat_chains_plan(&chains, &plan));
        r = chains.chain[NAT_CHAIN_POST].rules;
        assert_int_equal(r->verdict, NAT_SNAT);
        assert_int_equal(r->to_address.v4.s_addr, plan.side[NAT_IPV4].snat_address.v4.s_addr);
        assert_string_equal(r->out, "venet0");
        FOREACH_ELEMENT (n, near)
                assert_int_equal(chains.chain[*n].n_rules, 0);
        assert_int_equal(chains.chain[NAT_CHAIN_POST].n_rules, 1);
        nat_chains_done(&chains);
}

static void test_too_many(void **state) {
        Forward forwards[] = {
                { FORWARD_TCP, 1, 1000, 1 }, /* one rule, however wide */
                { FORWARD_TCP, 2000, 2000 + NAT_FORWARD_RULES_MAX - 2, 3000 },
        };
        const NatPlan plan = plan_with(forwards, ARRAY_SIZE(forwards));
        NatChains chains;

        ASSERT_OK(nat_chains_plan(&chains, &plan));
        assert_int_equal(chains.chain[NAT_CHAIN_PRE].n_rules, NAT_FORWARD_RULES_MAX);
        nat_chains_done(&chains);
        forwards[1].host_last++;
        ASSERT_ERROR(nat_chains_plan(&chains, &plan), E2BIG);
        nat_chains_done(&chains);
}

/* The same in IPv6, as far as a forward is for it, and each call to the one address that it names.
 */
static void test_families(void **state) {
        static const Forward forwards[] = {
                { FORWARD_TCP | FORWARD_UDP, 500, 600, 500 },
                { FORWARD_TCP, 80, 80, 80, .family = FORWARD_IPV4, .address.v4 = { 7 } },
                { FORWARD_TCP, 80, 80, 81, .family = FORWARD_IPV6 },
        };
        static const IpAddress public[] = { { .v6 = { { { 0x20, [15] = 9 } } } } };
        NatPlan plan = plan_with(forwards, ARRAY_SIZE(forwards));
        NatChains chains;
        const NatChain *c;

        plan.side[NAT_IPV6] = (NatSide){ .guest_address.v6 = GUEST6,
                                         .host_address.v6 = HOST6,
                                         .masquerade = true };
        ASSERT_OK(nat_chains_plan(&chains, &plan));
        c = nat_chain(&chains, NAT_IPV4, NAT_CHAIN_PRE);
        assert_int_equal(c->n_rules, 3);
        assert_redirection(&c->rules[2], IPPROTO_TCP, 80, 80, 0);
        assert_int_equal(c->rules[2].destination.v4.s_addr, 7);
        /* Nobody could call. */
        assert_int_equal(nat_chain(&chains, NAT_IPV6, NAT_CHAIN_FWD)->n_rules, 2);
        assert_int_equal(nat_chain(&chains, NAT_IPV6, NAT_CHAIN_PRE)->n_rules, 0);
        nat_chains_done(&chains);

        /* By its own address anybody could, and what is not translated is accepted as well. */
        plan.side[NAT_IPV6].masquerade = false;
        ASSERT_OK(nat_chains_plan(&chains, &plan));
        c = nat_chain(&chains, NAT_IPV6, NAT_CHAIN_FWD);
        assert_int_equal(c->n_rules, 5);
        for (size_t i = 2; i < c->n_rules; i++) {
                assert_int_equal(c->rules[i].verdict, NAT_ACCEPT);
                assert_int_equal(c->rules[i].states, 0);
                assert_memory_equal(&c->rules[i].destination.v6, &plan.side[1].guest_address.v6,
                                    sizeof(struct in6_addr));
        }
        assert_int_equal(c->rules[2].protocol, IPPROTO_TCP);
        assert_int_equal(c->rules[3].protocol, IPPROTO_UDP);
        assert_int_equal(c->rules[4].first_port, 81); /* the guest's own port */
        nat_chains_done(&chains);

        plan.side[NAT_IPV6].public = public;
        plan.side[NAT_IPV6].n_public = 1;
        ASSERT_OK(nat_chains_plan(&chains, &plan));
        c = nat_chain(&chains, NAT_IPV6, NAT_CHAIN_PRE);
        assert_int_equal(c->n_rules, 4);
        for (size_t i = 0; i < c->n_rules; i++)
                assert_int_equal(c->rules[i].family, NAT_IPV6);
        assert_int_equal(c->rules[0].verdict, NAT_RETURN); /* the host's own DHCPv6 */
        assert_int_equal(c->rules[0].protocol, IPPROTO_UDP);
        assert_int_equal(c->rules[0].first_port, 546);
        assert_int_equal(c->rules[3].to_port, 81);
        assert_int_equal(c->rules[3].to_address.v6.s6_addr[15], 2);
        c = nat_chain(&chains, NAT_IPV6, NAT_CHAIN_LOC);
        assert_int_equal(c->n_rules, 1);
        assert_true(ip_address_equal(&c->rules[0].destination, public));
        c = nat_chain(&chains, NAT_IPV6, NAT_CHAIN_POST);
        assert_int_equal(c->n_rules, 1); /* the guest's calls to itself; it is not masqueraded */
        assert_int_equal(c->rules[0].to_address.v6.s6_addr[15], 1);
        nat_chains_done(&chains);
}

/* Answers, then what else may come in, then nothing. */
static void test_host_access(void **state) {
        static const struct {
                NatHostAccess access;
                unsigned v4, v6;
        } cases[] = { { NAT_HOST_ALL, 2, 4 }, { NAT_HOST_ICMP, 4, 6 }, { NAT_HOST_NO, 3, 5 } };
        NatPlan plan = plan_with(NULL, 0);

        plan.side[NAT_IPV6] = (NatSide){ .guest_address.v6 = GUEST6 };
        FOREACH_ELEMENT (k, cases)
                for (NatFamily f = 0; f < NAT_FAMILY_MAX; f++) {
                        size_t n = f == NAT_IPV6 ? k->v6 : k->v4;
                        const NatRule *c_rules;
                        const NatChain *c;
                        NatChains chains;

                        plan.host_access = k->access;
                        ASSERT_OK(nat_chains_plan(&chains, &plan));
                        c = nat_chain(&chains, f, NAT_CHAIN_IN);
                        assert_int_equal(c->n_rules, n);
                        assert_string_equal(c->jump.in, "tap0");
                        /* Replies, but only from the guest's own address. */
                        n -= f == NAT_IPV6 ? 2 : 0;
                        c_rules = c->rules + (f == NAT_IPV6 ? 2 : 0);
                        assert_true(c_rules[0].not_source);
                        assert_int_equal(c_rules[0].verdict, NAT_DROP);
                        assert_int_equal(c_rules[1].states,
                                         NAT_STATE_RELATED | NAT_STATE_ESTABLISHED);
                        assert_int_equal(c_rules[1].verdict, NAT_ACCEPT);
                        if (k->access != NAT_HOST_ALL) {
                                assert_int_equal(c_rules[n - 1].verdict, NAT_DROP);
                                assert_int_equal(c_rules[n - 1].protocol, 0);
                        }
                        if (k->access == NAT_HOST_ICMP) {
                                assert_int_equal(c_rules[n - 2].verdict, NAT_RETURN);
                                assert_int_equal(c_rules[n - 2].icmp_type, f == NAT_IPV6 ? 128 : 8);
                        }
                        nat_chains_done(&chains);
                }
}

/* The guest's own relays, and no port beside them. */
static void test_proxied(void **state) {
        static const Forward proxied[] = { { FORWARD_TCP, 8080, 8080, 80 },
                                           { FORWARD_TCP, 2200, 2202, 22 } };
        NatPlan plan = plan_with(NULL, 0);
        const NatChain *c;
        NatChains chains;

        plan.side[NAT_IPV6] = (NatSide){ .guest_address.v6 = GUEST6 };
        plan.proxied = proxied;
        plan.n_proxied = ARRAY_SIZE(proxied);
        plan.host_access = NAT_HOST_NO;
        ASSERT_OK(nat_chains_plan(&chains, &plan));
        for (NatFamily f = 0; f < NAT_FAMILY_MAX; f++) {
                c = nat_chain(&chains, f, NAT_CHAIN_IN);
                for (size_t i = 0; i < ARRAY_SIZE(proxied); i++) {
                        const NatRule *rule = &c->rules[c->n_rules - 3 + i];

                        assert_int_equal(rule->protocol, IPPROTO_TCP);
                        assert_int_equal(rule->first_port, proxied[i].host_first);
                        assert_int_equal(rule->last_port, proxied[i].host_last);
                        assert_int_equal(rule->verdict, NAT_RETURN);
                }
                assert_int_equal(c->rules[c->n_rules - 1].verdict, NAT_DROP);
        }
        nat_chains_done(&chains);
        plan.host_access = NAT_HOST_ALL; /* nothing is kept out: no exceptions are needed */
        ASSERT_OK(nat_chains_plan(&chains, &plan));
        assert_int_equal(nat_chain(&chains, NAT_IPV4, NAT_CHAIN_IN)->n_rules, 2);
        nat_chains_done(&chains);
}

/* What comes in or goes out by any of several uplinks; without any there is nothing of that. */
static void test_uplinks(void **state) {
        static const Forward forward = { FORWARD_TCP, 80, 80, 80 };
        static const char uplinks[][IFNAMSIZ] = { "venet0", "ppp0" };
        static const IpAddress public[] = { { .v4 = { 1 } } };
        NatPlan plan = plan_with(&forward, 1);
        NatChain *pre, *loc, *post;
        NatChains chains;

        plan.side[NAT_IPV4].public = public;
        plan.side[NAT_IPV4].n_public = 1;
        plan.side[NAT_IPV4].uplinks = uplinks;
        plan.side[NAT_IPV4].n_uplinks = 2;
        ASSERT_OK(nat_chains_plan(&chains, &plan));
        pre = nat_chain(&chains, NAT_IPV4, NAT_CHAIN_PRE);
        loc = nat_chain(&chains, NAT_IPV4, NAT_CHAIN_LOC);
        post = nat_chain(&chains, NAT_IPV4, NAT_CHAIN_POST);
        assert_string_equal(pre->jump.in, "venet0");
        assert_int_equal(loc->n_rules, 2);
        assert_string_equal(loc->rules[0].in, "ppp0");
        assert_string_equal(loc->rules[0].chain, pre->name);
        assert_int_equal(post->n_rules, 3); /* the first is for the guest's calls of itself */
        assert_string_equal(post->rules[1].out, "venet0");
        assert_string_equal(post->rules[2].out, "ppp0");
        nat_chains_done(&chains);

        plan.side[NAT_IPV4].n_uplinks = plan.side[NAT_IPV4].n_public = 0;
        ASSERT_OK(nat_chains_plan(&chains, &plan));
        assert_int_equal(nat_chain(&chains, NAT_IPV4, NAT_CHAIN_PRE)->n_rules, 0);
        assert_int_equal(nat_chain(&chains, NAT_IPV4, NAT_CHAIN_LOC)->n_rules, 0);
        assert_int_equal(nat_chain(&chains, NAT_IPV4, NAT_CHAIN_POST)->n_rules, 0);
        assert_int_equal(nat_chain(&chains, NAT_IPV4, NAT_CHAIN_FWD)->n_rules, 2);
        nat_chains_done(&chains);
}

static void test_clamped(void **state) {
        NatPlan plan = plan_with(NULL, 0);
        const NatChain *c;
        NatChains chains;

        plan.clamp_mss = true;
        ASSERT_OK(nat_chains_plan(&chains, &plan));
        c = nat_chain(&chains, NAT_IPV4, NAT_CHAIN_MSS);
        assert_int_equal(c->n_rules, 2);
        assert_string_equal(c->rules[0].in, "tap0");
        assert_string_equal(c->rules[1].out, "tap0");
        for (size_t i = 0; i < 2; i++) {
                assert_int_equal(c->rules[i].verdict, NAT_CLAMP_MSS);
                assert_true(c->rules[i].syn);
        }
        assert_int_equal(nat_chain(&chains, NAT_IPV6, NAT_CHAIN_MSS)->n_rules, 0);
        nat_chains_done(&chains);
}

/* Two rules that differ in any one thing are not equal. */
static void test_equal(void **state) {
#define BASE .in = "tap0", .out = "eth0", .verdict = NAT_JUMP, .chain = "x"
        static const NatRule base = { BASE };
        static const NatRule others[] = {
                { .in = "tap1", .out = "eth0", .verdict = NAT_JUMP, .chain = "x" },
                { .in = "tap0", .out = "eth1", .verdict = NAT_JUMP, .chain = "x" },
                { .in = "tap0", .out = "eth0", .verdict = NAT_ACCEPT, .chain = "x" },
                { .in = "tap0", .out = "eth0", .verdict = NAT_JUMP, .chain = "y" },
                { BASE, .family = NAT_IPV6 },
                { BASE, .source.v4 = { 1 } },
                { BASE, .destination.v4 = { 1 } },
                { BASE, .source.v6 = GUEST6 },
                { BASE, .destination.v6 = GUEST6 },
                { BASE, .protocol = 6 },
                { BASE, .first_port = 1 },
                { BASE, .last_port = 1 },
                { BASE, .syn = true },
                { BASE, .icmp_type = 8 },
                { BASE, .states = 1 },
                { BASE, .to_address.v4 = { 1 } },
                { BASE, .to_address.v6 = GUEST6 },
                { BASE, .to_port = 1 },
                { BASE, .queue = 1 },
        };
        NatRule same = base;

        assert_true(nat_rule_equal(&base, &same));
        FOREACH_ELEMENT (o, others)
                assert_false(nat_rule_equal(&base, o));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_chains),      cmocka_unit_test(test_forwards),
                cmocka_unit_test(test_guard),       cmocka_unit_test(test_public_addresses),
                cmocka_unit_test(test_too_many),    cmocka_unit_test(test_families),
                cmocka_unit_test(test_host_access), cmocka_unit_test(test_proxied),
                cmocka_unit_test(test_uplinks),     cmocka_unit_test(test_clamped),
                cmocka_unit_test(test_equal),
        };

        return RUN_TESTS(tests);
}
