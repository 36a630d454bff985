/* SPDX-License-Identifier: GPL-2.0-or-later */
/* plan-hold.c - plans which new connections may have to wait for the guest. */

#include "nat/plan-parts.h"

/* Without these rules a connection that comes just when the guest ends would be lost. */
static int plan_log(NatChain *hold, const NatPlan *plan, const NatSide *side, NatRule rule) {
        int r;

        rule.verdict = NAT_LOG;
        rule.protocol = IPPROTO_TCP;
        rule.last_port = UINT16_MAX;
        rule.syn = true;
        r = nat_chain_add(hold, rule);
        rule.states = 0;
        return r < 0 || side->masquerade ? r : nat_plan_direct(hold, plan, rule);
}

/* What the host forwards and what is sent to the guest's own address, as far as others may send it
 * there. */
int nat_plan_hold(NatChain *hold, const NatPlan *plan, const NatSide *side) {
        NatRule rule = { .destination = side->guest_address,
                         .states = NAT_STATE_DNAT,
                         .verdict = NAT_QUEUE,
                         .queue = plan->hold_queue };
        int r;

        if (plan->hold_queue == 0 || plan->n_forwards == 0)
                return 0;
        strncpy(hold->jump.out, plan->tap, IFNAMSIZ - 1);
        hold->jump.states = NAT_STATE_NEW;
        r = plan->hold_log ? plan_log(hold, plan, side, rule) : 0;
        if (r >= 0)
                r = nat_chain_add(hold, rule);
        rule.states = 0;
        return r < 0 || side->masquerade ? r : nat_plan_direct(hold, plan, rule);
}
