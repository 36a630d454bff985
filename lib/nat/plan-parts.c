/* SPDX-License-Identifier: GPL-2.0-or-later */
/* plan-parts.c - what the files that plan chains share. */

#include "nat/plan-parts.h"

int nat_chain_add(NatChain *chain, NatRule rule) {
        if (chain->n_rules == chain->n_allocated) {
                size_t n = MAX(chain->n_allocated * 2, (size_t) 8);
                NatRule *rules = reallocarray(chain->rules, n, sizeof(NatRule));

                if (!rules)
                        return -ENOMEM;
                chain->rules = rules;
                chain->n_allocated = n;
        }
        rule.family = chain->family;
        chain->rules[chain->n_rules++] = rule;
        return 0;
}

bool nat_forward_is_for(const Forward *f, NatFamily family) {
        return f->family == FORWARD_BOTH || f->family == nat_forward_family(family);
}

size_t nat_count_uplinks(const NatPlan *plan, NatFamily family) {
        return plan->side[family].uplinks ? plan->side[family].n_uplinks : 1;
}

void nat_copy_uplink(char ret[static IFNAMSIZ], const NatPlan *plan, NatFamily family, size_t i) {
        const NatSide *side = &plan->side[family];

        strncpy(ret, side->uplinks ? side->uplinks[i] : plan->uplink, IFNAMSIZ - 1);
}
