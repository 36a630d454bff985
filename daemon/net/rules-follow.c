/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rules-follow.c - keeps the guest's firewall rules right while the host changes. */

#include "basic/log.h"
#include "basic/time-util.h"
#include "daemon/net/addresses.h"
#include "daemon/net/backend.h"
#include "daemon/net/bars.h"
#include "daemon/net/conditions.h"
#include "daemon/net/flows.h"
#include "daemon/net/forwarding.h"
#include "daemon/net/hold-queue.h"
#include "daemon/net/hold-rules.h"
#include "daemon/net/ipv6.h"
#include "daemon/net/ndp.h"
#include "daemon/net/rules-make.h"
#include "daemon/net/rules-plan.h"
#include "daemon/net/rules.h"
#include "daemon/net/tap.h"
#include "daemon/net/uplink.h"
#include "host/resident.h"
#include "nat/xtables-lock.h"

#define LOCKED_LONG     (5 * USEC_PER_SEC)
#define ADDRESSES_EVERY (20 * USEC_PER_SEC)
#define BURST           (60 * USEC_PER_SEC) /* repairs within this time are logged once */

static void make_stale(Net *net, const char *why) {
        net->rules_stale = true;
        net->stale_why = why;
}

static int look_at_uplink(Net *net, Fault *f) {
        int r = net_forwarding_follow(net, f);

        if (r < 0)
                return r;
        net_tap_follow(net);
        r = net_find_uplink(net, f);
        if (r == -ENETUNREACH) { /* there is no uplink at present; the rules do no harm */
                fault_done(f);
                return 0;
        }
        if (r < 0)
                return r;
        net_mtu_follow(net);
        if (r > 0)
                make_stale(net, "the uplink has changed");
        r = net_forwarding6_up(net, f);
        return r < 0 ? r : net_ndp_follow(net, f);
}

void net_rules_refresh(Net *net) {
        _cleanup_(fault_done) Fault f = {};

        if (net_find_uplink(net, &f) > 0)
                make_stale(net, "the uplink has changed");
}

/* Nobody is told of a change of the neighbour proxy table. */
static void look_at_answers(Net *net) {
        _cleanup_(fault_done) Fault f = {};
        Answer before = net->answers;

        if (net_ndp_follow(net, &f) == -EAGAIN)
                net->addresses_looked = 0; /* at the next look */
        if (net->answers != before)
                net_conditions_stale(net, CONDITIONS_OWN);
}

/* There are no events for interfaces other than the uplink, so this is checked periodically. */
static void look_at_addresses(Net *net) {
        usec_t now = now_usec(CLOCK_MONOTONIC);

        if (net->addresses_looked > 0 && now < usec_add(net->addresses_looked, ADDRESSES_EVERY))
                return;
        net->addresses_looked = now;
        if (net_bars_look(net) > 0)
                make_stale(net, "the uplink's networks or the number of guests have changed");
        if (net_addresses_look(net) > 0)
                net_conditions_stale(net, CONDITIONS_OWN);
        look_at_answers(net);
}

/* Has anything changed that the rules depend on? */
static int look_at_host(Net *net, Fault *f) {
        int r;

        if (net->network_moved) {
                r = look_at_uplink(net, f);
                if (r < 0)
                        return r;
                net->network_moved = false;
                net->addresses_looked = 0;
        }
        look_at_addresses(net);
        if (net_queue_lost(net))
                make_stale(net, "another program uses the guest's netfilter queue");
        if (net_queue_due(net))
                make_stale(net, "a netfilter queue may be free now");
        if (net->host->config->n_forwards == 0)
                return 0;
        r = guard_moved(&net->guard);
        if (r > 0)
                r = guard_update(&net->guard, net->host->config->reserved,
                                 net->host->config->n_reserved);
        if (r < 0)
                return fault_set(f, VERDICT_NETWORK, true, r,
                                 "cannot determine which ports the host listens on: %m");
        if (r > 0)
                make_stale(net, "the set of guarded ports has changed");
        return 0;
}

int net_rules_compare(Net *net, Fault *f) {
        _cleanup_free_ Forward *guarded = net_guarded_ports(net);
        NatRefusal refusal;
        unsigned by_sizes;
        NatPlan plan;
        int r;

        if (!guarded)
                return -ENOMEM;
        plan = net_plan(net, guarded);
        by_sizes = net->maker.nat.by_sizes;
        r = net->maker.nat.backend->check(&net->maker.nat, &plan, &refusal);
        if (net->maker.nat.by_sizes > by_sizes) /* the tables of all guests were read */
                resident_trim();
        if (r < 0)
                return net_backend_fault(net, r, &refusal, f);
        return r > 0 && net_hold_rules_right(net);
}

/* A process that has held the lock for several checks is logged, once. */
static void say_who_locks_us_out(LockWait *w, const Fault *f) {
        usec_t waited = usec_sub(now_usec(CLOCK_MONOTONIC), w->since);

        if (w->said || waited < LOCKED_LONG)
                return;
        log_warning("cannot check the guest's firewall rules: waiting for %s", f->text ?: "a lock");
        w->said = true;
}

static void note_repair(Net *net) {
        usec_t now = now_usec(CLOCK_MONOTONIC);

        if (net->repairs == 0 || now > usec_add(net->last_repair, BURST))
                log_warning("the guest's firewall rules were changed or removed by another "
                            "program, and have been restored");
        net->repairs++;
        net->last_repair = now;
}

/* Under the lock. */
static int repair(Net *net, Fault *f) {
        const char *why = net->stale_why;
        bool drifted = net->drifted;
        int r = net_rules_make(net, f);

        if (r < 0)
                return r;
        resident_trim(); /* the tables of all guests were edited in memory */
        if (!drifted)
                log_notice("%s: firewall rules replaced",
                           why ?: "an earlier change could not be made");
        else if (r > 0)
                note_repair(net);
        net_conditions_stale(net, CONDITIONS_OWN);
        return r;
}

/* Whoever had the lock may have replaced a rule by one of the same size, or changed a policy. */
static void look_at_lock(Net *net) {
        if (!xtables_lock_released(&net->lock_events))
                return;
        net->maker.nat.by_sizes = 0;
        net_conditions_stale(net, CONDITIONS_LEGACY);
}

static int follow(Net *net, Fault *f) {
        int r;

        look_at_lock(net);
        r = look_at_host(net, f);

        if (r < 0)
                return r;
        if (!net->under_way && !net->rules_stale && !net->drifted) {
                r = net_rules_compare(net, f);
                if (r != 0)
                        return MIN(r, 0);
                net->drifted = true;
        }
        r = net_tables_lock(net, f);
        if (r == -EAGAIN)
                say_who_locks_us_out(&net->lock_wait, f);
        if (r < 0)
                return r;
        r = repair(net, f);
        net_tables_unlock(net);
        return r;
}

int net_rules_follow(Net *net, Fault *f) {
        int r = net->rules ? follow(net, f) : 0, flows = r < 0 ? 0 : net_flows_step(net, f);

        return flows < 0 ? flows : r;
}
