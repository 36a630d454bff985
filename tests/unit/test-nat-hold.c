/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-nat-hold.c - the chains and rules that hold connections. */

#include "plan-fixture.h"

/* First packets of TCP. */
static void assert_logged(const NatRule *r, unsigned states, uint16_t first, uint16_t last) {
        assert_int_equal(r->verdict, NAT_LOG);
        assert_int_equal(r->queue, 7);
        assert_int_equal(r->protocol, IPPROTO_TCP);
        assert_true(r->syn);
        assert_int_equal(r->states, states);
        assert_int_equal(r->first_port, first);
        assert_int_equal(r->last_port, last);
}

/* What is forwarded is queued before that, from wherever it is; and what is sent to the own address
 * of a guest that is not behind NAT. */
static void assert_gate(NatChains *chains) {
        const NatChain *pre = nat_chain(chains, NAT_IPV4, NAT_CHAIN_PRE),
                       *door = nat_chain(chains, NAT_IPV4, NAT_CHAIN_DOOR),
                       *gate = nat_chain(chains, NAT_IPV4, NAT_CHAIN_GATE);

        assert_string_equal(gate->hook, "PREROUTING");
        assert_int_equal(gate->jump.states, NAT_STATE_NEW);
        assert_int_equal(gate->n_rules, 1);
        assert_string_equal(gate->rules[0].chain, door->name);
        assert_string_equal(gate->rules[0].in, pre->jump.in);
        assert_string_equal(door->hook, "");
        assert_true(door->n_rules > 0);
        assert_int_equal(door->n_rules, pre->n_rules);
        for (size_t i = 0; i < door->n_rules; i++) {
                assert_int_equal(door->rules[i].first_port, pre->rules[i].first_port);
                assert_int_equal(door->rules[i].protocol, pre->rules[i].protocol);
                assert_int_equal(door->rules[i].verdict, NAT_QUEUE);
                assert_int_equal(door->rules[i].queue, 7);
                assert_int_equal(door->rules[i].to_port, 0);
        }
        gate = nat_chain(chains, NAT_IPV6, NAT_CHAIN_GATE);
        assert_int_equal(gate->n_rules,
                         4); /* its uplink, its address, and two to the guest's own */
        assert_int_equal(gate->rules[1].verdict, NAT_JUMP);
        assert_int_equal(gate->rules[3].verdict, NAT_QUEUE);
        assert_int_equal(gate->rules[3].first_port, 80);
}

/* Forwarded connections, and those to the own address of a guest that is not behind NAT. */
static void test_held(void **state) {
        static const Forward forwards[] = { { FORWARD_TCP | FORWARD_UDP, 8000, 8009, 80 } };
        NatPlan plan = plan_with(forwards, 1);
        const NatChain *c;
        NatChains chains;

        plan.hold_queue = 7;
        plan.side[NAT_IPV4].masquerade = true;
        plan.side[NAT_IPV6] = (NatSide){ .guest_address.v6 = GUEST6 };
        ASSERT_OK(nat_chains_plan(&chains, &plan));
        c = nat_chain(&chains, NAT_IPV4, NAT_CHAIN_HOLD);
        assert_int_equal(c->n_rules, 1);
        assert_string_equal(c->jump.out, "tap0");
        assert_int_equal(c->jump.states, NAT_STATE_NEW);
        assert_int_equal(c->rules[0].states, NAT_STATE_DNAT);
        assert_int_equal(c->rules[0].verdict, NAT_QUEUE);
        assert_int_equal(c->rules[0].queue, 7);
        c = nat_chain(&chains, NAT_IPV6, NAT_CHAIN_HOLD);
        assert_int_equal(c->n_rules, 3);
        assert_int_equal(c->rules[1].protocol, IPPROTO_TCP);
        assert_int_equal(c->rules[2].protocol, IPPROTO_UDP);
        assert_int_equal(c->rules[2].first_port, 80);
        assert_int_equal(c->rules[2].last_port, 89);
        assert_int_equal(c->rules[2].states, 0);
        c = nat_chain(&chains, NAT_IPV4, NAT_CHAIN_SYN);
        assert_int_equal(c->n_rules, 1);
        assert_true(c->jump.syn && c->jump.protocol == IPPROTO_TCP && c->jump.states == 0);
        assert_string_equal(c->jump.out, "tap0");
        assert_true(c->rules[0].syn && c->rules[0].states == NAT_STATE_DNAT);
        assert_int_equal(c->rules[0].queue, 7);
        c = nat_chain(&chains, NAT_IPV6, NAT_CHAIN_SYN);
        assert_int_equal(c->n_rules, 2); /* no UDP */
        assert_int_equal(c->rules[1].first_port, 80);
        nat_chains_done(&chains);

        plan.hold_log = true;
        ASSERT_OK(nat_chains_plan(&chains, &plan));
        c = nat_chain(&chains, NAT_IPV4, NAT_CHAIN_HOLD);
        assert_int_equal(c->n_rules, 2);
        assert_logged(&c->rules[0], NAT_STATE_DNAT, 0, UINT16_MAX);
        assert_int_equal(c->rules[1].verdict, NAT_QUEUE);
        c = nat_chain(&chains, NAT_IPV6, NAT_CHAIN_HOLD);
        assert_int_equal(c->n_rules, 5);
        assert_logged(&c->rules[0], NAT_STATE_DNAT, 0, UINT16_MAX);
        assert_logged(&c->rules[1], 0, 80, 89);
        assert_int_equal(c->rules[2].verdict, NAT_QUEUE);
        nat_chains_done(&chains);

        plan.hold_gate = true;
        plan.side[NAT_IPV6].public = (IpAddress[]){ { .v6 = GUEST6 } };
        plan.side[NAT_IPV6].n_public = 1;
        ASSERT_OK(nat_chains_plan(&chains, &plan));
        assert_gate(&chains);
        nat_chains_done(&chains);
        plan.hold_gate = false;

        plan.only_hold = true;
        ASSERT_OK(nat_chains_plan(&chains, &plan));
        FOREACH_ELEMENT (each, chains.chain)
                assert_int_equal(each->n_rules > 0,
                                 strncmp(each->name, "UMLD-HOLD-", 10) == 0 ||
                                         strncmp(each->name, "UMLD-SYN-", 9) == 0);
        nat_chains_done(&chains);

        plan.n_forwards = 0;
        ASSERT_OK(nat_chains_plan(&chains, &plan));
        assert_int_equal(nat_chain(&chains, NAT_IPV4, NAT_CHAIN_HOLD)->n_rules, 0);
        nat_chains_done(&chains);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_held),
        };

        return RUN_TESTS(tests);
}
