/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nat-plan.c - from a guest's plan to the chains and rules that carry it out; touches nothing. */

#include <stdio.h>

#include "host/nat-plan.h"

static const struct {
        NatTable table;
        const char *hook, *prefix;
        bool first;
} layout[NAT_CHAIN_MAX] = {
        /* First, so that neither a REJECT further down nor a policy of DROP stops the guest. */
        [NAT_CHAIN_FWD] = { NAT_TABLE_FILTER, "FORWARD", "UMLD-FWD-", true },
        /* Last, so that the administrator's own rules for a port go before ours. */
        [NAT_CHAIN_PRE] = { NAT_TABLE_NAT, "PREROUTING", "UMLD-PRE-", false },
        [NAT_CHAIN_LOC] = { NAT_TABLE_NAT, "PREROUTING", "UMLD-LOC-", false },
        [NAT_CHAIN_OUT] = { NAT_TABLE_NAT, "OUTPUT", "UMLD-OUT-", false },
        [NAT_CHAIN_POST] = { NAT_TABLE_NAT, "POSTROUTING", "UMLD-POST-", false },
};

bool nat_rule_equal(const NatRule *a, const NatRule *b) {
        return streq(a->in, b->in) && streq(a->out, b->out) &&
               a->source.s_addr == b->source.s_addr &&
               a->destination.s_addr == b->destination.s_addr && a->protocol == b->protocol &&
               a->first_port == b->first_port && a->last_port == b->last_port &&
               a->states == b->states && a->verdict == b->verdict && streq(a->chain, b->chain) &&
               a->to_address.s_addr == b->to_address.s_addr && a->to_port == b->to_port;
}

static int chain_add(NatChain *chain, const NatRule *rule) {
        if (chain->n_rules == chain->n_allocated) {
                size_t n = MAX(chain->n_allocated * 2, (size_t) 8);
                NatRule *rules = reallocarray(chain->rules, n, sizeof(NatRule));

                if (!rules)
                        return -ENOMEM;
                chain->rules = rules;
                chain->n_allocated = n;
        }
        chain->rules[chain->n_rules++] = *rule;
        return 0;
}

static int add_redirection(NatChain *pre, const NatPlan *plan, size_t limit, NatRule rule) {
        if (pre->n_rules >= limit)
                return -E2BIG;
        rule.verdict = NAT_DNAT;
        rule.to_address = plan->guest_address;
        return chain_add(pre, &rule);
}

static int add_forward(NatChain *pre, const NatPlan *plan, size_t limit, const Forward *f,
                       uint8_t protocol) {
        NatRule rule = { .protocol = protocol,
                         .first_port = f->host_first,
                         .last_port = f->host_last };

        if (f->guest_first == f->host_first)
                return add_redirection(pre, plan, limit, rule);
        /* A target that shifts a range is newer than many a host's kernel. */
        for (unsigned i = 0; i <= (unsigned) (f->host_last - f->host_first); i++) {
                int r;

                rule.first_port = rule.last_port = (uint16_t) (f->host_first + i);
                rule.to_port = (uint16_t) (f->guest_first + i);
                r = add_redirection(pre, plan, limit, rule);
                if (r < 0)
                        return r;
        }
        return 0;
}

static const struct {
        unsigned flag;
        uint8_t protocol;
} protocols[] = { { FORWARD_TCP, IPPROTO_TCP }, { FORWARD_UDP, IPPROTO_UDP } };

/* Does one of the forwards take a port of this range away from the host? */
static bool touched(const NatPlan *plan, const Forward *range, unsigned protocol) {
        Forward one = *range;

        one.protocols &= protocol;
        for (size_t i = 0; i < plan->n_forwards; i++)
                if (forward_overlaps(&plan->forwards[i], &one))
                        return true;
        return false;
}

/* The guard comes first, so no mistake further down can lock anybody out. */
static int plan_guard(NatChain *pre, const NatPlan *plan) {
        for (size_t i = 0; i < plan->n_guarded; i++)
                FOREACH_ELEMENT (p, protocols) {
                        const Forward *g = &plan->guarded[i];
                        NatRule rule = { .protocol = p->protocol,
                                         .first_port = g->host_first,
                                         .last_port = g->host_last,
                                         .verdict = NAT_RETURN };
                        int r = touched(plan, g, p->flag) ? chain_add(pre, &rule) : 0;

                        if (r < 0)
                                return r;
                }
        return 0;
}

static int plan_forwards(NatChain *pre, const NatPlan *plan, size_t limit, bool all) {
        for (size_t i = 0; i < plan->n_forwards; i++)
                FOREACH_ELEMENT (p, protocols) {
                        const Forward *f = &plan->forwards[i];
                        int r = 0;

                        if (forward_is_all(f) == all && (f->protocols & p->flag))
                                r = add_forward(pre, plan, limit, f, p->protocol);
                        if (r < 0)
                                return r;
                }
        return 0;
}

static int plan_pre(NatChain *pre, const NatPlan *plan) {
        size_t limit;
        int r;

        strncpy(pre->jump.in, plan->uplink, IFNAMSIZ - 1);
        r = plan_guard(pre, plan);
        if (r < 0)
                return r;
        limit = pre->n_rules + NAT_FORWARD_RULES_MAX;
        r = plan_forwards(pre, plan, limit, false);
        return r < 0 ? r : plan_forwards(pre, plan, limit, true);
}

/* From the host, its guests and whatever else is behind it the same forwards hold, but only for the
 * host's own addresses: what goes to port 80 of somebody else must not end here. */
static int plan_near(NatChain *near, const NatChain *pre, const NatPlan *plan) {
        for (size_t i = 0; pre->n_rules > 0 && i < plan->n_public; i++) {
                NatRule rule = { .destination = plan->public[i], .verdict = NAT_JUMP };
                int r;

                strcpy(rule.chain, pre->name);
                r = chain_add(near, &rule);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* A guest that calls itself by the host's address would answer itself directly, and not be
 * understood: such a call has to seem to come from the host. */
static int plan_hairpin(NatChain *post, const NatPlan *plan) {
        NatRule rule = { .source = plan->guest_address,
                         .destination = plan->guest_address,
                         .verdict = NAT_SNAT,
                         .to_address = plan->host_address };

        strncpy(rule.out, plan->tap, IFNAMSIZ - 1);
        return chain_add(post, &rule);
}

static int plan_one_arm(NatChain *post, const NatPlan *plan) {
        NatRule rule = { .destination = plan->guest_address,
                         .states = NAT_STATE_DNAT,
                         .verdict = NAT_SNAT,
                         .to_address = plan->host_address };

        strncpy(rule.out, plan->tap, IFNAMSIZ - 1);
        return chain_add(post, &rule);
}

static int plan_post(NatChain *post, const NatPlan *plan) {
        NatRule rule = { .source = plan->guest_address, .verdict = NAT_MASQUERADE };
        int r = 0;

        if (plan->snat_address.s_addr != INADDR_ANY) {
                rule.verdict = NAT_SNAT;
                rule.to_address = plan->snat_address;
        }
        strncpy(rule.out, plan->uplink, IFNAMSIZ - 1);
        if (plan->n_forwards > 0 && plan->one_arm)
                r = plan_one_arm(post, plan); /* with the guest's calls to itself among them */
        else if (plan->n_forwards > 0 && plan->n_public > 0)
                r = plan_hairpin(post, plan);
        if (r >= 0 && plan->masquerade)
                r = chain_add(post, &rule);
        return r;
}

static int plan_fwd(NatChain *fwd, const NatPlan *plan) {
        NatRule out = { .source = plan->guest_address };
        NatRule in = {
                .destination = plan->guest_address,
                .states = NAT_STATE_DNAT | NAT_STATE_RELATED | NAT_STATE_ESTABLISHED,
        };
        int r;

        strncpy(out.in, plan->tap, IFNAMSIZ - 1);
        strncpy(in.out, plan->tap, IFNAMSIZ - 1);
        r = chain_add(fwd, &out);
        return r < 0 ? r : chain_add(fwd, &in);
}

void nat_chains_init(NatChains *chains, const char *guest) {
        *chains = (NatChains){};
        for (size_t i = 0; i < NAT_CHAIN_MAX; i++) {
                NatChain *c = &chains->chain[i];

                c->table = layout[i].table;
                c->hook = layout[i].hook;
                c->first = layout[i].first;
                (void) snprintf(c->name, sizeof(c->name), "%s%s", layout[i].prefix, guest);
                assert(strlen(c->name) <= 28);
                c->jump.verdict = NAT_JUMP;
                strcpy(c->jump.chain, c->name);
        }
}

int nat_chains_plan(NatChains *chains, const NatPlan *plan) {
        int r;

        nat_chains_init(chains, plan->guest);
        r = plan_fwd(&chains->chain[NAT_CHAIN_FWD], plan);
        if (r >= 0)
                r = plan_pre(&chains->chain[NAT_CHAIN_PRE], plan);
        if (r >= 0)
                r = plan_near(&chains->chain[NAT_CHAIN_LOC], &chains->chain[NAT_CHAIN_PRE], plan);
        if (r >= 0)
                r = plan_near(&chains->chain[NAT_CHAIN_OUT], &chains->chain[NAT_CHAIN_PRE], plan);
        if (r >= 0)
                r = plan_post(&chains->chain[NAT_CHAIN_POST], plan);
        return r;
}

void nat_chains_done(NatChains *chains) {
        for (size_t i = 0; i < NAT_CHAIN_MAX; i++)
                free(chains->chain[i].rules);
}
