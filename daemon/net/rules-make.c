/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rules-make.c - sets the guest's firewall rules under the xtables lock, in one or more attempts.
 */

#include "daemon/net/rules-make.h"
#include "basic/log.h"
#include "basic/string-util.h"
#include "daemon/net/backend.h"
#include "daemon/net/bars.h"
#include "daemon/net/flows.h"
#include "daemon/net/forwards.h"
#include "daemon/net/hold-queue.h"
#include "daemon/net/hold-record.h"
#include "daemon/net/hold-rules.h"
#include "daemon/net/ipv6.h"
#include "daemon/net/rules-plan.h"
#include "nat/xtables-lock.h"

/* Does this error mean that the host lacks a feature? */
static bool is_lack(int error) {
        return error == -ENOPROTOOPT || error == -EOPNOTSUPP || error == -ENOENT ||
               error == -EPERM || error == -EACCES;
}

/* A feature that the guest can do without is logged once, and not used from then on. true: the
 * attempt can be repeated without it. */
static bool do_without(Net *net, int error, const NatRefusal *refusal) {
        const char *tool = net->maker.nat.backend->tool[refusal->family];
        char what[64];

        if (!is_lack(error))
                return false;
        if (streq(refusal->what, NAT_WHAT_LOG) && !net->lacking[NET_LACKS_RECORD]) {
                hold_record_lacking(net, "the host has no " NAT_WHAT_LOG, error);
                return true;
        }
        if (streq(refusal->what, NAT_WHAT_QUEUE)) {
                if (!net_hold_apart(net))
                        net_queue_lacking(net, "the host has no " NAT_WHAT_QUEUE, error);
                return true;
        }
        if (net_bars_lacking(net, refusal->what, tool, error))
                return true;
        snprintf(what, sizeof(what), "the host has no %s %s", tool, refusal->what);
        if (refusal->family == NAT_IPV6 && refusal->table != NAT_TABLE_MANGLE &&
            net_has_ipv6(net)) {
                net_ipv6_lacking(net, what, error);
                return true;
        }
        if (refusal->table != NAT_TABLE_MANGLE)
                return false;
        if (net->lacking[NET_LACKS_MSS]) {
                bool queued = net->hold_queue > 0;

                net_queue_lacking(net, what, error);
                return queued;
        }
        net->lacking[NET_LACKS_MSS] = strfmt(
                "MSS clamping is not available: %s (%s); set a lower MTU= if large transfers hang",
                what, strerror(-error));
        if (!net->lacking[NET_LACKS_MSS])
                return false;
        log_notice("%s", net->lacking[NET_LACKS_MSS]);
        return true;
}

static int wait_for_child(const Net *net, Fault *f) {
        const NatBackend *backend = net->maker.nat.backend;

        return fault_wait(f, VERDICT_NETWORK, backend->wait_fd(&net->maker.nat), "%s",
                          backend == &nat_nftables ? "libnftables to change the rules"
                                                   : "modprobe to load the modules of iptables");
}

static int apply_rules(Net *net, Fault *f) {
        _cleanup_free_ Forward *guarded = net_guarded_ports(net);
        Nat *nat = &net->maker.nat;
        NatRefusal refusal;
        NatPlan plan;
        int r;

        if (!guarded)
                return -ENOMEM;
        nat->lock_fd = net->lock_fd;
        do {
                plan = net_plan(net, guarded);
                r = nat->backend->apply(nat, &plan, &refusal);
        } while (r < 0 && (net_masquerade_fall_back(net, r, refusal.family) ||
                           do_without(net, r, &refusal) || net_backend_retry(net, r)));
        if (r >= 0 || r == -EINPROGRESS)
                return r;
        if (r == -EAGAIN)
                return fault_wait(
                        f, VERDICT_NETWORK, -EBADF,
                        "other programs to stop changing the tables (%s) without the lock",
                        nat->backend->name);
        return net_backend_fault(net, r, &refusal, f);
}

/* ---- the lock ---- */

int net_tables_lock(Net *net, Fault *f) {
        int fd = net->lock_fd >= 0 ? net->lock_fd : xtables_lock();

        if (fd == -EAGAIN)
                return lock_wait(&net->lock_wait, VERDICT_NETWORK, "the xtables lock",
                                 xtables_lock_file(), f);
        if (fd < 0)
                return fault_set(f, VERDICT_NETWORK, true, fd, "cannot get the xtables lock: %m");
        lock_had(&net->lock_wait);
        net->lock_fd = fd;
        return 0;
}

void net_tables_unlock(Net *net) {
        if (!net->under_way)
                net->lock_fd = safe_close(net->lock_fd);
}

/* ---- setting the rules ---- */

int net_rules_cancel(Net *net, Fault *f) {
        Nat *nat = &net->maker.nat;

        if (!net->under_way)
                return 0;
        if (nat->backend->cancel(nat) == -EINPROGRESS)
                return wait_for_child(net, f);
        net->under_way = false;
        net->maker = net->before;
        return 0;
}

/* Continues what is in progress, unless the plan has changed. */
static int begin_attempt(Net *net, Fault *f) {
        if (net->under_way && net->maker.wanted == net->host->config->backend)
                return 0;
        if (net_rules_cancel(net, f) < 0)
                return -EAGAIN;
        net->before = net->maker;
        net_backend_choose(net);
        return 0;
}

static int end_attempt(Net *net, int r, Fault *f) {
        const Nat *made = &net->maker.nat;
        Nat *before = &net->before.nat;
        bool waited = net->under_way;
        NatRefusal ignored;

        net->under_way = r == -EINPROGRESS;
        if (net->under_way)
                return wait_for_child(net, f);
        if (r < 0 && net->rules) /* the existing rules, by their backend */
                net->maker = net->before;
        else if (r < 0)
                net_forwards_release(net);
        if (r < 0)
                return r;
        if (before->backend && before->backend != made->backend)
                (void) before->backend->remove(before, net->host->config->name, &ignored);
        net->rules = true;
        /* Behind a child of the backend the tables are as they should be: the child made them so.
         */
        net_flows_follow(net, r > 0 || waited || net->rules_stale);
        net->rules_stale = net->drifted = net->stray = false;
        net->stale_why = NULL;
        return r > 0;
}

/* Before the rules, so that nothing is done that cannot be recorded. */
static int claim_ports(Net *net, Fault *f) {
        int r = net_forwards_claim(net);

        if (r < 0)
                return fault_set(f, VERDICT_NETWORK, true, r,
                                 "%s: cannot record which ports are forwarded: %m",
                                 net->host->directory);
        return 0;
}

int net_rules_make(Net *net, Fault *f) {
        int r = begin_attempt(net, f);

        if (r < 0)
                return r;
        r = net_forwards_check(net, f);
        if (r >= 0)
                r = net_masquerade_choose(net, f);
        if (net->host->quiet)
                return r;
        if (r >= 0)
                net_queue_choose(net);
        if (r >= 0)
                r = claim_ports(net, f);
        if (r >= 0)
                r = apply_rules(net, f);
        r = end_attempt(net, r, f);
        if (r < 0)
                return r;
        net_hold_rules_make(net);
        net_queue_say(net);
        return r;
}
