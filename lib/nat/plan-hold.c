/* SPDX-License-Identifier: GPL-2.0-or-later */
/* plan-hold.c - plans which new connections may have to wait for the guest. */

#include "nat/plan-parts.h"

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
        r = nat_chain_add(hold, rule);
        rule.states = 0;
        return r < 0 || side->masquerade ? r : nat_plan_direct(hold, plan, rule);
}
