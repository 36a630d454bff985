/* SPDX-License-Identifier: GPL-2.0-or-later */
/* plan-hold.c - plans which new connections may have to wait for the guest. */

#include "nat/plan-parts.h"

static NatRule tcp_syn(NatRule rule) {
        rule.protocol = IPPROTO_TCP;
        rule.first_port = 0;
        rule.last_port = UINT16_MAX;
        rule.syn = true;
        return rule;
}

/* What the host forwards and what is sent to the guest's own address, as far as others may send it
 * there. */
static int plan_both(NatChain *chain, const NatPlan *plan, const NatSide *side, NatRule rule) {
        int r = nat_chain_add(chain, rule);

        rule.states = 0;
        return r < 0 || side->masquerade ? r : nat_plan_direct(chain, plan, rule);
}

/* Without the first rule a connection that comes just when the guest ends would be lost. */
static int plan_chain(NatChain *chain, const NatPlan *plan, const NatSide *side, NatRule rule) {
        NatRule log = tcp_syn(rule);
        int r;

        log.verdict = NAT_LOG;
        strncpy(chain->jump.out, plan->tap, IFNAMSIZ - 1);
        r = plan->hold_log ? plan_both(chain, plan, side, log) : 0;
        return r < 0 ? r : plan_both(chain, plan, side, rule);
}

/* A client that uses a port again soon after its last connection is not in state NEW: that
 * connection is still tracked if the guest has reset it, or the client has closed it. */
static int plan_again(NatChain *syn, const NatPlan *plan, const NatSide *side, NatRule rule) {
        syn->jump = tcp_syn(syn->jump);
        return plan_chain(syn, plan, side, tcp_syn(rule));
}

/* The rules by which the host forwards, but they queue: a packet that passes here is forwarded
 * next, by the rules of that moment, and comes to the other chains. */
static int plan_gate(NatChain *gate, NatChain *door, const NatPlan *plan, const NatSide *side) {
        int r = nat_has_forwards(side, door->family) ? nat_plan_pre(door, plan) : 0;

        door->jump.in[0] = '\0';
        for (NatRule *rule = door->rules; rule < door->rules + door->n_rules; rule++)
                if (rule->verdict == NAT_DNAT) {
                        rule->verdict = NAT_QUEUE;
                        rule->queue = plan->hold_queue;
                        rule->to_address = (IpAddress){};
                        rule->to_port = 0;
                }
        gate->jump.states = NAT_STATE_NEW;
        if (r >= 0)
                r = nat_plan_uplinks(gate, door, plan, 0);
        if (r >= 0)
                r = nat_plan_near(gate, door, side);
        if (r < 0 || side->masquerade)
                return r;
        return nat_plan_direct(gate, plan,
                               (NatRule){ .destination = side->guest_address,
                                          .verdict = NAT_QUEUE,
                                          .queue = plan->hold_queue });
}

int nat_plan_hold(NatChains *chains, NatFamily family, const NatPlan *plan) {
        NatChain *hold = nat_chain(chains, family, NAT_CHAIN_HOLD);
        const NatSide *side = &plan->side[family];
        const NatRule rule = { .destination = side->guest_address,
                               .states = NAT_STATE_DNAT,
                               .verdict = NAT_QUEUE,
                               .queue = plan->hold_queue };
        int r;

        if (plan->hold_queue == 0 || plan->n_forwards == 0)
                return 0;
        hold->jump.states = NAT_STATE_NEW;
        r = plan_chain(hold, plan, side, rule);
        if (r >= 0)
                r = plan_again(nat_chain(chains, family, NAT_CHAIN_SYN), plan, side, rule);
        if (r < 0 || !plan->hold_gate)
                return r;
        return plan_gate(nat_chain(chains, family, NAT_CHAIN_GATE),
                         nat_chain(chains, family, NAT_CHAIN_DOOR), plan, side);
}
