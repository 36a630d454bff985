/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-nat-plan.c - which chains and rules a plan means. */

#include "test.h"

#include "host/nat-plan.h"

static NatPlan plan_with(const Forward *forwards, size_t n) {
        return (NatPlan){
                .guest = "web",
                .tap = "tap0",
                .uplink = "venet0",
                .guest_address = { htonl(0x0a000002) },
                .masquerade = true,
                .forwards = forwards,
                .n_forwards = n,
        };
}

static void test_chains(void **state) {
        const NatPlan plan = plan_with(NULL, 0);
        NatChains chains;
        const NatChain *c = chains.chain;

        (void) state;
        ASSERT_OK(nat_chains_plan(&chains, &plan));
        assert_string_equal(c[NAT_CHAIN_FWD].name, "UMLD-FWD-web");
        assert_string_equal(c[NAT_CHAIN_PRE].name, "UMLD-PRE-web");
        assert_string_equal(c[NAT_CHAIN_POST].name, "UMLD-POST-web");
        assert_int_equal(c[NAT_CHAIN_FWD].n_rules, 2);
        assert_int_equal(c[NAT_CHAIN_PRE].n_rules, 0); /* and so no chain at all */
        assert_int_equal(c[NAT_CHAIN_POST].n_rules, 1);
        assert_true(c[NAT_CHAIN_FWD].first);
        for (size_t i = 0; i < NAT_CHAIN_MAX; i++) {
                assert_int_equal(c[i].jump.verdict, NAT_JUMP);
                assert_string_equal(c[i].jump.chain, c[i].name);
                assert_string_equal(c[i].jump.in, i == NAT_CHAIN_PRE ? "venet0" : "");
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
        assert_int_equal(ntohl(r->to_address.s_addr), 0x0a000002);
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

        (void) state;
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

        (void) state;
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
        static const struct in_addr public[] = { { 1 }, { 2 } };
        static const int near[] = { NAT_CHAIN_LOC, NAT_CHAIN_OUT };
        NatPlan plan = plan_with(&forward, 1);
        NatChains chains;
        const NatRule *r;

        (void) state;
        plan.public = public;
        plan.n_public = ARRAY_SIZE(public);
        plan.host_address.s_addr = htonl(0x0a000001);
        ASSERT_OK(nat_chains_plan(&chains, &plan));
        FOREACH_ELEMENT (n, near) {
                assert_int_equal(chains.chain[*n].n_rules, 2);
                r = chains.chain[*n].rules;
                for (size_t i = 0; i < 2; i++) {
                        assert_int_equal(r[i].verdict, NAT_JUMP);
                        assert_string_equal(r[i].chain, "UMLD-PRE-web");
                        assert_int_equal(r[i].destination.s_addr, public[i].s_addr);
                }
        }
        assert_int_equal(chains.chain[NAT_CHAIN_POST].n_rules, 2);
        r = chains.chain[NAT_CHAIN_POST].rules;
        assert_int_equal(r->verdict, NAT_SNAT);
        assert_int_equal(r->source.s_addr, r->destination.s_addr);
        assert_int_equal(r->to_address.s_addr, plan.host_address.s_addr);
        assert_string_equal(r->out, "tap0");
        nat_chains_done(&chains);

        plan.one_arm = true;
        ASSERT_OK(nat_chains_plan(&chains, &plan));
        assert_int_equal(chains.chain[NAT_CHAIN_POST].n_rules, 2);
        r = chains.chain[NAT_CHAIN_POST].rules;
        assert_int_equal(r->verdict, NAT_SNAT);
        assert_int_equal(r->source.s_addr, INADDR_ANY);
        assert_int_equal(r->states, NAT_STATE_DNAT);
        nat_chains_done(&chains);

        plan.snat_address.s_addr = htonl(0xcb00710a);
        plan.n_forwards = 0;
        ASSERT_OK(nat_chains_plan(&chains, &plan));
        r = chains.chain[NAT_CHAIN_POST].rules;
        assert_int_equal(r->verdict, NAT_SNAT);
        assert_int_equal(r->to_address.s_addr, plan.snat_address.s_addr);
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

        (void) state;
        ASSERT_OK(nat_chains_plan(&chains, &plan));
        assert_int_equal(chains.chain[NAT_CHAIN_PRE].n_rules, NAT_FORWARD_RULES_MAX);
        nat_chains_done(&chains);
        forwards[1].host_last++;
        ASSERT_ERROR(nat_chains_plan(&chains, &plan), E2BIG);
        nat_chains_done(&chains);
}

/* Two rules that differ in any one thing are not equal. */
static void test_equal(void **state) {
        static const NatRule base = {
                .in = "tap0", .out = "eth0", .verdict = NAT_JUMP, .chain = "x"
        };
        static const NatRule others[] = {
                { .in = "tap1", .out = "eth0", .verdict = NAT_JUMP, .chain = "x" },
                { .in = "tap0", .out = "eth1", .verdict = NAT_JUMP, .chain = "x" },
                { .in = "tap0", .out = "eth0", .verdict = NAT_ACCEPT, .chain = "x" },
                { .in = "tap0", .out = "eth0", .verdict = NAT_JUMP, .chain = "y" },
                { .in = "tap0", .out = "eth0", .verdict = NAT_JUMP, .chain = "x", .source = { 1 } },
                { .in = "tap0",
                  .out = "eth0",
                  .verdict = NAT_JUMP,
                  .chain = "x",
                  .destination = { 1 } },
                { .in = "tap0", .out = "eth0", .verdict = NAT_JUMP, .chain = "x", .protocol = 6 },
                { .in = "tap0", .out = "eth0", .verdict = NAT_JUMP, .chain = "x", .first_port = 1 },
                { .in = "tap0", .out = "eth0", .verdict = NAT_JUMP, .chain = "x", .last_port = 1 },
                { .in = "tap0", .out = "eth0", .verdict = NAT_JUMP, .chain = "x", .states = 1 },
                { .in = "tap0",
                  .out = "eth0",
                  .verdict = NAT_JUMP,
                  .chain = "x",
                  .to_address = { 1 } },
                { .in = "tap0", .out = "eth0", .verdict = NAT_JUMP, .chain = "x", .to_port = 1 },
        };
        NatRule same = base;

        (void) state;
        assert_true(nat_rule_equal(&base, &same));
        FOREACH_ELEMENT (o, others)
                assert_false(nat_rule_equal(&base, o));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_chains),   cmocka_unit_test(test_forwards),
                cmocka_unit_test(test_guard),    cmocka_unit_test(test_public_addresses),
                cmocka_unit_test(test_too_many), cmocka_unit_test(test_equal),
        };

        return RUN_TESTS(tests);
}
