/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rules.c - the step of the guest's firewall rules, and their status. */

#include "daemon/net/rules.h"
#include "basic/log.h"
#include "daemon/net/backend.h"
#include "daemon/net/bars.h"
#include "daemon/net/conditions.h"
#include "daemon/net/flows.h"
#include "daemon/net/forwards.h"
#include "daemon/net/hold-queue.h"
#include "daemon/net/hold-rules.h"
#include "daemon/net/rules-make.h"
#include "daemon/net/rules-plan.h"
#include "daemon/net/tap.h"
#include "daemon/net/uplink.h"

#define LOOK_AGAIN USEC_PER_SEC

/* Known since the tap was created; but as long as that may fail, only faults are reported. */
static void warn_of_open_tap(Net *net) {
        if (net->lacking[NET_LACKS_CLOSED_TAP] && !net->open_tap_said)
                log_warning("%s", net->lacking[NET_LACKS_CLOSED_TAP]);
        net->open_tap_said = true;
}

/* What the rules depend on, from the host. */
static int look_around(Net *net, Fault *f) {
        int r = net_find_uplink(net, f);

        net->waits_for_route = r == -ENETUNREACH && !net->rules;
        if (r == -ENETUNREACH && net->rules &&
            (net->uplinks[NAT_IPV4].n > 0 || net->uplinks[NAT_IPV6].n > 0))
                fault_done(f); /* it may come back, and the rules are then updated: no reason to
                                  stop a guest whose rules are in place */
        else if (r < 0)
                return r;
        net_mtu_follow(net);
        (void) net_bars_look(net);
        net->looked_around = now_usec(CLOCK_MONOTONIC);
        return 0;
}

/* The lock is tried again and again where many guests start at once: that alone must be cheap, or
 * those that wait keep the one that has it from ending. */
static bool has_just_looked(const Net *net) {
        return net->lock_wait.since > 0 && net->looked_around > 0 &&
               usec_sub(now_usec(CLOCK_MONOTONIC), net->looked_around) < LOOK_AGAIN;
}

int net_rules_up(Net *net, Fault *f) {
        int r = has_just_looked(net) ? 0 : look_around(net, f);

        if (r >= 0 && !net->host->quiet)
                r = net_tables_lock(net, f);
        if (r < 0)
                return r;
        r = net_rules_make(net, f);
        net_tables_unlock(net);
        if (r < 0 || net->host->quiet)
                return r;
        warn_of_open_tap(net);
        net_conditions_look(net);
        return 0;
}

int net_rules_down(Net *net, Fault *f) {
        int r;

        if (!net->rules && !net->under_way)
                return net_flows_step(net, f);
        r = net_tables_lock(net, f);
        if (r < 0)
                return r;
        r = net_rules_cancel(net, f);
        if (r < 0)
                return r;
        net_forwards_release(net);
        net_queue_release(net);
        net_hold_rules_remove(net);
        r = net_backend_remove(net);
        net->rules = false;
        net_conditions_forget(net);
        net_tables_unlock(net);
        net_flows_follow(net, true);
        return r < 0 ? r : net_flows_step(net, f);
}

/* ---- status ---- */

int net_rules_right(Net *net) {
        _cleanup_(fault_done) Fault fault = {};

        net->maker.nat.by_sizes = 0; /* an administrator gets an exact reply */
        return net->rules ? net_rules_compare(net, &fault) : -ENOENT;
}

int net_rules_packets(Net *net, const Forward *port, uint64_t *ret) {
        _cleanup_free_ Forward *guarded = net_guarded_ports(net);
        NatPlan plan;

        if (!guarded || !net->rules)
                return !guarded ? -ENOMEM : -ENOENT;
        plan = net_plan(net, guarded);
        return net->maker.nat.backend->packets(&net->maker.nat, &plan, port, ret);
}
