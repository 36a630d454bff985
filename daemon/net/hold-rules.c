/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hold-rules.c - the rule that holds connections, in a legacy table beside rules of nftables. */

#include "daemon/net/hold-rules.h"
#include "basic/log.h"
#include "daemon/net/hold-queue.h"
#include "daemon/net/hold-record.h"
#include "daemon/net/rules-plan.h"
#include "nat/xt-tables.h"

bool net_hold_apart(Net *net) {
        if (net->hold_apart || net->maker.nat.backend != &nat_nftables || !xt_tables_there())
                return false;
        net->hold_apart = true;
        return true;
}

static NatPlan plan_apart(const Net *net) {
        NatPlan plan = net_plan(net, NULL);

        plan.n_guarded = 0;
        plan.only_hold = true;
        plan.hold_queue = net->hold_queue;
        return plan;
}

static bool is_wanted(const Net *net) {
        return net->hold_apart && net->hold_queue > 0 && net->maker.nat.backend == &nat_nftables;
}

void net_hold_rules_make(Net *net) {
        NatRefusal refusal;
        NatPlan plan;
        int r;

        if (!is_wanted(net)) {
                net_hold_rules_remove(net);
                return;
        }
        plan = plan_apart(net);
        net->hold_nat.backend = &nat_iptables;
        net->hold_nat.lock_fd = net->lock_fd;
        r = nat_iptables.apply(&net->hold_nat, &plan, &refusal);
        if (r < 0 && streq(refusal.what, NAT_WHAT_LOG) && plan.hold_log) {
                hold_record_lacking(net, "the host has no " NAT_WHAT_LOG, r);
                plan.hold_log = false;
                r = nat_iptables.apply(&net->hold_nat, &plan, &refusal);
        }
        if (r == -EINPROGRESS || r == -EAGAIN) { /* modprobe, or a program without the lock */
                net->rules_stale = true;
                return;
        }
        net->hold_made = r >= 0;
        if (r < 0)
                net_queue_lacking(net,
                                  "the host has neither statement queue in nftables nor "
                                  "target NFQUEUE in iptables",
                                  r);
}

bool net_hold_rules_right(Net *net) {
        NatRefusal refusal;
        NatPlan plan;

        if (!is_wanted(net))
                return true;
        plan = plan_apart(net);
        return net->hold_made && nat_iptables.check(&net->hold_nat, &plan, &refusal) != 0;
}

void net_hold_rules_remove(Net *net) {
        NatRefusal refusal;
        int r = 0;

        if (net->hold_made && net->maker.nat.backend != &nat_iptables)
                r = nat_iptables.remove(&net->hold_nat, net->host->config->name, &refusal);
        if (r < 0)
                log_debug_errno(r, "the rule for held connections stays for now: %m");
        net->hold_made = r < 0;
}
