/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rules.c - sets, checks, repairs and removes the guest's firewall rules. */

#include <stdio.h>

#include "basic/log.h"
#include "basic/string-util.h"
#include "basic/time-util.h"
#include "daemon/net/addresses.h"
#include "daemon/net/backend.h"
#include "daemon/net/forwards.h"
#include "daemon/net/ipv6.h"
#include "daemon/net/rules.h"
#include "daemon/net/tap.h"
#include "daemon/net/uplink.h"
#include "nat/nat.h"
#include "nat/xtables-lock.h"

#define LOCKED_LONG     (5 * USEC_PER_SEC)
#define ADDRESSES_EVERY (20 * USEC_PER_SEC)
#define BURST           (60 * USEC_PER_SEC) /* repairs within this time are logged once */

/* The ports that must not be forwarded, for the plan: guarded, or relayed; the caller frees them.
 */
static Forward *guarded_ports(const Net *net) {
        const Config *c = net->host->config;
        Forward *ports = calloc(net->guard.n + c->n_proxies + 1, sizeof(*ports));

        for (size_t i = 0; ports && i < net->guard.n; i++)
                ports[i] = net->guard.ports[i].ports;
        if (ports && c->n_proxies > 0)
                memcpy(ports + net->guard.n, c->proxies, c->n_proxies * sizeof(*ports));
        return ports;
}

static const NatHostAccess host_access[HOST_ACCESS_MAX] = {
        [HOST_ACCESS_NO] = NAT_HOST_NO,
        [HOST_ACCESS_ICMP] = NAT_HOST_ICMP,
        [HOST_ACCESS_ALL] = NAT_HOST_ALL,
};

static NatSide nat_side(const Net *net, NatFamily family) {
        const PublicAddresses *own = &net->public[family];
        const Config *c = net->host->config;
        NatSide side = {
                .masquerade = net->masquerade[family] != MASQUERADE_NO,
                .public = own->list,
                .n_public = own->n,
                .uplink = net->uplink[family],
        };

        if (net->masquerade[family] == MASQUERADE_SNAT)
                side.snat_address = own->list[0];
        if (family == NAT_IPV4) {
                side.guest_address.v4 = c->guest_address;
                side.host_address.v4 = c->host_address;
        } else if (net_has_ipv6(net)) {
                side.guest_address.v6 = c->guest_address6;
                side.host_address.v6 = c->host_address6;
        }
        return side;
}

static NatPlan nat_plan(const Net *net, const Forward *guarded) {
        const Config *c = net->host->config;

        return (NatPlan){
                .guest = c->name,
                .tap = c->tap,
                .uplink = net->uplink[NAT_IPV4],
                .side = { nat_side(net, NAT_IPV4), nat_side(net, NAT_IPV6) },
                .one_arm = c->one_arm,
                .clamp_mss = !net->lacking[NET_LACKS_MSS],
                .host_access = host_access[c->host_access],
                .proxied = c->proxies,
                .n_proxied = c->n_proxies,
                .forwards = c->forwards,
                .n_forwards = c->n_forwards,
                .guarded = guarded,
                .n_guarded = net->guard.n + (c->n_forwards > 0 ? c->n_proxies : 0),
        };
}

static bool can_masquerade(const Net *net, NatFamily family) {
        return net->maker.nat.backend->has_masquerade(&net->maker.nat, family);
}

static Masquerade choose_for(const Net *net, NatFamily family) {
        Masquerade wanted = net->host->config->masquerade;

        if (wanted != MASQUERADE_AUTO)
                return wanted;
        return net->host->quiet || can_masquerade(net, family) ? MASQUERADE_MASQUERADE
                                                               : MASQUERADE_SNAT;
}

/* Chooses between MASQUERADE and SNAT on this host. */
static int choose_masquerade(Net *net, Fault *f) {
        Masquerade wanted = choose_for(net, NAT_IPV4);

        if (wanted == MASQUERADE_SNAT && net->public[NAT_IPV4].n == 0)
                return fault_set(f, VERDICT_NETWORK, true, -EADDRNOTAVAIL,
                                 "%s has no public address for Masquerade=snat%s; give it one, or "
                                 "set another Uplink=",
                                 net->uplink[NAT_IPV4],
                                 net->host->config->masquerade == MASQUERADE_AUTO
                                         ? " (the host's kernel cannot masquerade)"
                                         : "");
        net->masquerade[NAT_IPV4] = wanted;
        wanted = net_has_ipv6(net) ? choose_for(net, NAT_IPV6) : MASQUERADE_NO;
        /* Without an address there is no IPv6 uplink for now. */
        net->masquerade[NAT_IPV6] =
                wanted == MASQUERADE_SNAT && net->public[NAT_IPV6].n == 0 ? MASQUERADE_NO : wanted;
        return 0;
}

/* Does this error mean that the host lacks a feature? */
static bool is_lack(int error) {
        return error == -ENOPROTOOPT || error == -EOPNOTSUPP || error == -ENOENT ||
               error == -EPERM || error == -EACCES;
}

/* A feature that the guest can do without is logged once, and not used from then on. Is there
 * something left to try without it? */
static bool do_without(Net *net, int error, const NatRefusal *refusal) {
        const char *tool = net->maker.nat.backend->tool[refusal->family];
        char what[64];

        if (!is_lack(error))
                return false;
        snprintf(what, sizeof(what), "the host has no %s %s", tool, refusal->what);
        if (refusal->family == NAT_IPV6 && refusal->table != NAT_TABLE_MANGLE &&
            net_has_ipv6(net)) {
                net_ipv6_lacking(net, what, error);
                return true;
        }
        if (refusal->table != NAT_TABLE_MANGLE || net->lacking[NET_LACKS_MSS])
                return false;
        net->lacking[NET_LACKS_MSS] = strfmt(
                "MSS clamping is not available: %s (%s); set a lower MTU= if large transfers hang",
                what, strerror(-error));
        if (!net->lacking[NET_LACKS_MSS])
                return false;
        log_notice("%s", net->lacking[NET_LACKS_MSS]);
        return true;
}

/* Only after the modules have been loaded it is known that the kernel has no MASQUERADE. */
static bool fall_back_to_snat(Net *net, int error, NatFamily family) {
        if (error != -EOPNOTSUPP || net->host->config->masquerade != MASQUERADE_AUTO ||
            net->masquerade[family] != MASQUERADE_MASQUERADE || net->public[family].n == 0 ||
            can_masquerade(net, family))
                return false;
        net->masquerade[family] = MASQUERADE_SNAT;
        return true;
}

char *net_rules_warnings(const Net *net) {
        char *text = NULL;
        size_t size = 0;
        FILE *file = open_memstream(&text, &size);

        if (!file)
                return NULL;
        net_addresses_warning(net, file);
        net_forwards_warnings(net, file);
        net_backend_warnings(net, file);
        if (fclose(file) != 0 || size == 0) {
                free(text);
                return NULL;
        }
        return text;
}

/* Logs each set of warnings once. */
static void warn(Net *net) {
        _cleanup_free_ char *warnings = net_rules_warnings(net), *copy = NULL;
        char *line, *rest;

        if (streq(warnings ?: "", net->warned ?: ""))
                return;
        (void) free_and_strdup(&net->warned, warnings);
        copy = rest = warnings ? strdup(warnings) : NULL;
        while ((line = strsep(&rest, "\n")))
                if (*line)
                        log_warning("%s", line);
}

/* Known since the tap was created; but as long as that may fail, only faults are reported. */
static void warn_of_open_tap(Net *net) {
        if (net->lacking[NET_LACKS_CLOSED_TAP] && !net->open_tap_said)
                log_warning("%s", net->lacking[NET_LACKS_CLOSED_TAP]);
        net->open_tap_said = true;
}

static int wait_for_child(const Net *net, Fault *f) {
        const NatBackend *backend = net->maker.nat.backend;

        return fault_wait(f, VERDICT_NETWORK, backend->wait_fd(&net->maker.nat), "%s",
                          backend == &nat_nftables ? "libnftables to change the rules"
                                                   : "modprobe to load the modules of iptables");
}

static int apply_rules(Net *net, Fault *f) {
        _cleanup_free_ Forward *guarded = guarded_ports(net);
        Nat *nat = &net->maker.nat;
        NatRefusal refusal;
        NatPlan plan;
        int r;

        if (!guarded)
                return -ENOMEM;
        nat->lock_fd = net->lock_fd;
        do {
                plan = nat_plan(net, guarded);
                r = nat->backend->apply(nat, &plan, &refusal);
        } while (r < 0 && (fall_back_to_snat(net, r, refusal.family) ||
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

/* It is kept while a child makes the rules. */
static int lock_tables(Net *net, Fault *f) {
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

static void unlock_tables(Net *net) {
        if (!net->under_way)
                net->lock_fd = safe_close(net->lock_fd);
}

/* ---- making them ---- */

/* Nobody knows how far it came; what is there is told by a look. */
static int cancel_attempt(Net *net, Fault *f) {
        Nat *nat = &net->maker.nat;

        if (!net->under_way)
                return 0;
        if (nat->backend->cancel(nat) == -EINPROGRESS)
                return wait_for_child(net, f);
        net->under_way = false;
        net->maker = net->before;
        return 0;
}

/* Goes on with what is under way, unless that is no more what is wanted. */
static int begin_attempt(Net *net, Fault *f) {
        if (net->under_way && net->maker.wanted == net->host->config->backend)
                return 0;
        if (cancel_attempt(net, f) < 0)
                return -EAGAIN;
        net->before = net->maker;
        net_backend_choose(net);
        return 0;
}

static int end_attempt(Net *net, int r, Fault *f) {
        const Nat *made = &net->maker.nat;
        Nat *before = &net->before.nat;
        NatRefusal ignored;

        net->under_way = r == -EINPROGRESS;
        if (net->under_way)
                return wait_for_child(net, f);
        if (r < 0 && net->rules) /* which are there by what made them */
                net->maker = net->before;
        else if (r < 0)
                net_forwards_release(net);
        if (r < 0)
                return r;
        if (before->backend && before->backend != made->backend)
                (void) before->backend->remove(before, net->host->config->name, &ignored);
        net->rules = true;
        net->rules_stale = net->drifted = false;
        net->stale_why = NULL;
        return r > 0;
}

/* Before the rules, so that what cannot be noted is not done. */
static int claim_ports(const Net *net, Fault *f) {
        int r = net_forwards_claim(net);

        if (r < 0)
                return fault_set(f, VERDICT_NETWORK, true, r,
                                 "%s: cannot record which ports are forwarded: %m",
                                 net->host->directory);
        return 0;
}

/* Under the lock, which also keeps the umlds of two guests from taking the same port at the same
 * time. */
static int make_rules(Net *net, Fault *f) {
        int r = begin_attempt(net, f);

        if (r < 0)
                return r;
        r = net_forwards_check(net, f);
        if (r >= 0)
                r = choose_masquerade(net, f);
        if (net->host->quiet)
                return r;
        if (r >= 0)
                r = claim_ports(net, f);
        if (r >= 0)
                r = apply_rules(net, f);
        return end_attempt(net, r, f);
}

int net_rules_up(Net *net, Fault *f) {
        int r = net_find_uplink(net, f);

        if (r == -ENETUNREACH && net->rules && net->uplink[NAT_IPV4][0])
                fault_done(f); /* it is gone for now, and followed when it is back: no reason to
                                  stop a guest whose rules are in place */
        else if (r < 0)
                return r;
        net_mtu_follow(net);
        r = net->host->quiet ? 0 : lock_tables(net, f);
        if (r < 0)
                return r;
        r = make_rules(net, f);
        unlock_tables(net);
        if (r < 0 || net->host->quiet)
                return r;
        warn_of_open_tap(net);
        warn(net);
        return 0;
}

/* ---- while the host changes ---- */

static void make_stale(Net *net, const char *why) {
        net->rules_stale = true;
        net->stale_why = why;
}

static int look_at_uplink(Net *net, Fault *f) {
        int r = net_find_uplink(net, f);

        if (r == -ENETUNREACH) { /* there is no uplink for now; the rules do no harm */
                fault_done(f);
                return 0;
        }
        if (r < 0)
                return r;
        net_mtu_follow(net);
        if (r > 0)
                make_stale(net, "the uplink has changed");
        return net_forwarding6_up(net, f);
}

/* Events of interfaces other than the uplink's do not come here, and so there is a look now and
 * then. */
static void look_at_addresses(Net *net) {
        usec_t now = now_usec(CLOCK_MONOTONIC);

        if (net->addresses_looked > 0 && now < usec_add(net->addresses_looked, ADDRESSES_EVERY))
                return;
        net->addresses_looked = now;
        if (net_addresses_look(net) > 0)
                warn(net);
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

/* Are the rules still as we set them? The kernel returns each table as a whole, so this needs no
 * lock: a process that holds it only matters if there is something to repair. */
static int look_at_tables(Net *net, Fault *f) {
        _cleanup_free_ Forward *guarded = guarded_ports(net);
        NatRefusal refusal;
        NatPlan plan;
        int r;

        if (!guarded)
                return -ENOMEM;
        plan = nat_plan(net, guarded);
        r = net->maker.nat.backend->check(&net->maker.nat, &plan, &refusal);
        return r < 0 ? net_backend_fault(net, r, &refusal, f) : r;
}

/* Who has kept the lock over several looks is named, once. */
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
        int r = make_rules(net, f);

        if (r < 0)
                return r;
        if (!drifted)
                log_notice("%s: firewall rules replaced",
                           why ?: "an earlier change could not be made");
        else if (r > 0)
                note_repair(net);
        warn(net);
        return r;
}

int net_rules_follow(Net *net, Fault *f) {
        int r;

        if (!net->rules)
                return 0;
        r = look_at_host(net, f);
        if (r < 0)
                return r;
        if (!net->under_way && !net->rules_stale && !net->drifted) {
                r = look_at_tables(net, f);
                if (r != 0)
                        return MIN(r, 0);
                net->drifted = true;
        }
        r = lock_tables(net, f);
        if (r == -EAGAIN)
                say_who_locks_us_out(&net->lock_wait, f);
        if (r < 0)
                return r;
        r = repair(net, f);
        unlock_tables(net);
        return r;
}

int net_rules_down(Net *net, Fault *f) {
        int r;

        if (!net->rules && !net->under_way)
                return 0;
        r = lock_tables(net, f);
        if (r < 0)
                return r;
        r = cancel_attempt(net, f);
        if (r < 0)
                return r;
        net_forwards_release(net);
        r = net_backend_remove(net);
        net->rules = false;
        unlock_tables(net);
        return r;
}

/* ---- status ---- */

int net_rules_right(Net *net) {
        _cleanup_(fault_done) Fault fault = {};

        net->maker.nat.by_sizes = 0; /* an administrator gets an exact reply */
        return net->rules ? look_at_tables(net, &fault) : -ENOENT;
}

int net_rules_before(Net *net, NatFamily family) {
        _cleanup_free_ Forward *guarded = guarded_ports(net);
        NatPlan plan;

        if (!guarded || !net->rules)
                return !guarded ? -ENOMEM : -ENOENT;
        plan = nat_plan(net, guarded);
        return net->maker.nat.backend->foreign_before(&net->maker.nat, &plan, family);
}

int net_rules_packets(Net *net, const Forward *port, uint64_t *ret) {
        _cleanup_free_ Forward *guarded = guarded_ports(net);
        NatPlan plan;

        if (!guarded || !net->rules)
                return !guarded ? -ENOMEM : -ENOENT;
        plan = nat_plan(net, guarded);
        return net->maker.nat.backend->packets(&net->maker.nat, &plan, port, ret);
}
