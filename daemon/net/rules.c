/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rules.c - the guest's rules in the host's tables: made, kept, and taken away. */

#include <stdio.h>

#include "basic/log.h"
#include "basic/string-util.h"
#include "basic/time-util.h"
#include "daemon/host/host.h"
#include "nat/nat.h"
#include "nat/xtables-lock.h"

#define LOCK_LIMIT (5 * USEC_PER_SEC)
#define BURST      (60 * USEC_PER_SEC) /* repairs closer to each other are logged as one */

/* The ports that stay the host's as the plan wants them: guarded, or relayed by a program; the
 * caller's to free(). */
static Forward *guarded_ports(const Host *h) {
        const Config *c = h->config;
        Forward *ports = calloc(h->guard.n + c->n_proxies + 1, sizeof(*ports));

        for (size_t i = 0; ports && i < h->guard.n; i++)
                ports[i] = h->guard.ports[i].ports;
        if (ports && c->n_proxies > 0)
                memcpy(ports + h->guard.n, c->proxies, c->n_proxies * sizeof(*ports));
        return ports;
}

static const NatHostAccess host_access[HOST_ACCESS_MAX] = {
        [HOST_ACCESS_NO] = NAT_HOST_NO,
        [HOST_ACCESS_ICMP] = NAT_HOST_ICMP,
        [HOST_ACCESS_ALL] = NAT_HOST_ALL,
};

static NatSide nat_side(const Host *h, NatFamily family) {
        const HostAddresses *own = &h->public[family];
        const Config *c = h->config;
        NatSide side = {
                .masquerade = h->masquerade[family] != MASQUERADE_NO,
                .public = own->list,
                .n_public = own->n,
                .uplink = h->uplink[family],
        };

        if (h->masquerade[family] == MASQUERADE_SNAT)
                side.snat_address = own->list[0];
        if (family == NAT_IPV4) {
                side.guest_address.v4 = c->guest_address;
                side.host_address.v4 = c->host_address;
        } else if (host_has_ipv6(h)) {
                side.guest_address.v6 = c->guest_address6;
                side.host_address.v6 = c->host_address6;
        }
        return side;
}

static NatPlan nat_plan(const Host *h, const Forward *guarded) {
        const Config *c = h->config;

        return (NatPlan){
                .guest = c->name,
                .tap = c->tap,
                .uplink = h->uplink[NAT_IPV4],
                .side = { nat_side(h, NAT_IPV4), nat_side(h, NAT_IPV6) },
                .one_arm = c->one_arm,
                .clamp_mss = !h->lacking[HOST_LACKS_MSS],
                .host_access = host_access[c->host_access],
                .proxied = c->proxies,
                .n_proxied = c->n_proxies,
                .forwards = c->forwards,
                .n_forwards = c->n_forwards,
                .guarded = guarded,
                .n_guarded = h->guard.n + (c->n_forwards > 0 ? c->n_proxies : 0),
        };
}

static bool can_masquerade(const Host *h, NatFamily family) {
        return h->maker.nat.backend->has_masquerade(&h->maker.nat, family);
}

static Masquerade choose_for(const Host *h, NatFamily family) {
        Masquerade wanted = h->config->masquerade;

        if (wanted != MASQUERADE_AUTO)
                return wanted;
        return h->quiet || can_masquerade(h, family) ? MASQUERADE_MASQUERADE : MASQUERADE_SNAT;
}

/* What of MASQUERADE and SNAT it is to be on this host. */
static int choose_masquerade(Host *h, Fault *f) {
        Masquerade wanted = choose_for(h, NAT_IPV4);

        if (wanted == MASQUERADE_SNAT && h->public[NAT_IPV4].n == 0)
                return fault_set(f, VERDICT_NETWORK, true, -EADDRNOTAVAIL,
                                 "%s has no public address for Masquerade=snat%s; give it one, or "
                                 "set another Uplink=",
                                 h->uplink[NAT_IPV4],
                                 h->config->masquerade == MASQUERADE_AUTO
                                         ? " (the host's kernel cannot masquerade)"
                                         : "");
        h->masquerade[NAT_IPV4] = wanted;
        wanted = host_has_ipv6(h) ? choose_for(h, NAT_IPV6) : MASQUERADE_NO;
        /* Without an address there is no way out by IPv6, for now. */
        h->masquerade[NAT_IPV6] =
                wanted == MASQUERADE_SNAT && h->public[NAT_IPV6].n == 0 ? MASQUERADE_NO : wanted;
        return 0;
}

/* Is this what a host says that does not have something? */
static bool is_lack(int error) {
        return error == -ENOPROTOOPT || error == -EOPNOTSUPP || error == -ENOENT ||
               error == -EPERM || error == -EACCES;
}

/* What the guest can live without is said once, and done without from then on. Is there something
 * less to be tried now? */
static bool do_without(Host *h, int error, const NatRefusal *refusal) {
        const char *tool = h->maker.nat.backend->tool[refusal->family];
        char what[64];

        if (!is_lack(error))
                return false;
        snprintf(what, sizeof(what), "the host has no %s %s", tool, refusal->what);
        if (refusal->family == NAT_IPV6 && refusal->table != NAT_TABLE_MANGLE && host_has_ipv6(h)) {
                host_ipv6_lacking(h, what, error);
                return true;
        }
        if (refusal->table != NAT_TABLE_MANGLE || h->lacking[HOST_LACKS_MSS])
                return false;
        h->lacking[HOST_LACKS_MSS] = strfmt("TCP segments are not made to fit the path: %s (%s); "
                                            "set MTU= lower if large transfers hang",
                                            what, strerror(-error));
        if (!h->lacking[HOST_LACKS_MSS])
                return false;
        log_notice("%s", h->lacking[HOST_LACKS_MSS]);
        return true;
}

/* That the kernel has no MASQUERADE is known only since the modules are loaded. */
static bool fall_back_to_snat(Host *h, int error, NatFamily family) {
        if (error != -EOPNOTSUPP || h->config->masquerade != MASQUERADE_AUTO ||
            h->masquerade[family] != MASQUERADE_MASQUERADE || h->public[family].n == 0 ||
            can_masquerade(h, family))
                return false;
        h->masquerade[family] = MASQUERADE_SNAT;
        return true;
}

char *host_rules_warnings(const Host *h) {
        char *text = NULL;
        size_t size = 0;
        FILE *file = open_memstream(&text, &size);

        if (!file)
                return NULL;
        host_forwards_warnings(h, file);
        host_backend_warnings(h, file);
        if (fclose(file) != 0 || size == 0) {
                free(text);
                return NULL;
        }
        return text;
}

/* Each set of warnings once. */
static void warn(Host *h) {
        _cleanup_free_ char *warnings = host_rules_warnings(h), *copy = NULL;
        char *line, *rest;

        if (streq(warnings ?: "", h->warned ?: ""))
                return;
        (void) free_and_strdup(&h->warned, warnings);
        copy = rest = warnings ? strdup(warnings) : NULL;
        while ((line = strsep(&rest, "\n")))
                if (*line)
                        log_warning("%s", line);
}

/* Known since the tap was made; but while that may fail, a fault is all there is to say. */
static void warn_of_open_tap(Host *h) {
        if (h->lacking[HOST_LACKS_CLOSED_TAP] && !h->open_tap_said)
                log_warning("%s", h->lacking[HOST_LACKS_CLOSED_TAP]);
        h->open_tap_said = true;
}

static int apply_rules(Host *h, Fault *f) {
        _cleanup_free_ Forward *guarded = guarded_ports(h);
        Nat *nat = &h->maker.nat;
        NatRefusal refusal;
        NatPlan plan;
        int r;

        if (!guarded)
                return -ENOMEM;
        do {
                plan = nat_plan(h, guarded);
                r = nat->backend->apply(nat, &plan, &refusal);
        } while (r < 0 && (fall_back_to_snat(h, r, refusal.family) || do_without(h, r, &refusal) ||
                           host_backend_retry(h, r)));
        return r < 0 ? host_backend_fault(h, r, &refusal, f) : r;
}

/* Under the lock, which also keeps the umlds of two guests from taking one port at the same time.
 */
static int make_rules(Host *h, Fault *f) {
        RulesMaker before = h->maker;
        NatRefusal ignored;
        bool changed;
        int r;

        host_backend_choose(h);
        r = host_forwards_check(h, f);
        if (r >= 0)
                r = choose_masquerade(h, f);
        if (h->quiet)
                return r;
        if (r >= 0)
                r = apply_rules(h, f);
        if (r < 0) {
                if (h->rules) /* which are there by what made them */
                        h->maker = before;
                return r;
        }
        if (before.nat.backend && before.nat.backend != h->maker.nat.backend)
                (void) before.nat.backend->remove(&before.nat, h->config->name, &ignored);
        h->rules = true;
        h->rules_stale = false;
        changed = r > 0;
        r = host_forwards_claim(h);
        if (r < 0)
                return fault_set(f, VERDICT_NETWORK, true, r,
                                 "%s: cannot note which ports are forwarded: %m", h->directory);
        return changed;
}

/* Whom to end, or to wait for. */
static const char *lock_holder(char buf[static 64]) {
        char comm[16];
        pid_t pid;

        if (xtables_lock_holder(&pid, comm) > 0)
                snprintf(buf, 64, "pid %d (%s) keeps it", (int) pid, comm);
        else
                strcpy(buf, "a process that cannot be seen keeps it");
        return buf;
}

/* For a look that does not wait: who has kept the lock over several of them is named, once. */
static int try_lock_tables(Host *h) {
        int fd = xtables_lock(0);
        usec_t now = now_usec(CLOCK_MONOTONIC);
        char holder[64];

        if (fd != -ETIMEDOUT) {
                h->locked_out = 0;
                h->locked_out_said = false;
                return fd;
        }
        if (h->locked_out == 0)
                h->locked_out = now;
        if (!h->locked_out_said && now >= usec_add(h->locked_out, LOCK_LIMIT)) {
                h->locked_out_said = true;
                log_warning("cannot look after the guest's rules: the lock of iptables has not "
                            "been free for %s: %s; end that",
                            FORMAT_TIMESPAN(usec_sub(now, h->locked_out)), lock_holder(holder));
        }
        return fd;
}

static int lock_tables(Fault *f) {
        int fd = xtables_lock(LOCK_LIMIT);
        char holder[64];

        if (fd == -ETIMEDOUT)
                return fault_set(f, VERDICT_NETWORK, true, fd,
                                 "cannot get the lock of iptables within %s: %s; end that",
                                 FORMAT_TIMESPAN(LOCK_LIMIT), lock_holder(holder));
        if (fd < 0)
                return fault_set(f, VERDICT_NETWORK, true, fd,
                                 "cannot get the lock of iptables: %m");
        return fd;
}

int host_rules_up(Host *h, Fault *f) {
        _cleanup_close_ int lock = -EBADF;
        int r;

        r = host_find_uplink(h, f);
        if (r == -ENETUNREACH && h->rules && h->uplink[NAT_IPV4][0])
                fault_done(f); /* it is gone for now, and followed when it is back: no reason to
                                  end a guest whose rules are there */
        else if (r < 0)
                return r;
        host_mtu_follow(h);
        if (!h->quiet) {
                lock = lock_tables(f);
                if (lock < 0)
                        return lock;
        }
        r = make_rules(h, f);
        if (r < 0)
                return r;
        if (!h->quiet) {
                warn_of_open_tap(h);
                warn(h);
        }
        return 0;
}

/* ---- while the host changes ---- */

static int look_at_uplink(Host *h, const char **ret_why, Fault *f) {
        int r = host_find_uplink(h, f);

        if (r == -ENETUNREACH) { /* the way out is gone for now; its rules do no harm */
                fault_done(f);
                return 0;
        }
        if (r < 0)
                return r;
        host_mtu_follow(h);
        if (r > 0) {
                (void) host_forwarding6_up(h, f);
                h->rules_stale = true;
                *ret_why = "the uplink has changed";
        }
        return 0;
}

/* Has what the rules follow from moved? What it is now is in h. */
static int look_at_host(Host *h, const char **ret_why, Fault *f) {
        int r;

        if (h->network_moved) {
                r = look_at_uplink(h, ret_why, f);
                if (r < 0)
                        return r;
                h->network_moved = false;
        }
        if (h->config->n_forwards == 0)
                return 0;
        r = guard_update(&h->guard, h->config->reserved, h->config->n_reserved);
        if (r < 0)
                return fault_set(f, VERDICT_NETWORK, true, r,
                                 "cannot see which ports the host listens on: %m");
        if (r > 0) {
                h->rules_stale = true;
                *ret_why = "other ports of the host are guarded";
        }
        return 0;
}

/* Do the tables hold what they did when we left them? Somebody else's edit of this moment is not
 * waited for: the next look will see what came of it. */
static int look_at_tables(Host *h, Fault *f) {
        _cleanup_close_ int lock = try_lock_tables(h);
        _cleanup_free_ Forward *guarded = guarded_ports(h);
        NatRefusal refusal;
        NatPlan plan;
        int r;

        if (lock == -ETIMEDOUT)
                return 1;
        if (lock < 0 || !guarded)
                return lock < 0 ? lock : -ENOMEM;
        plan = nat_plan(h, guarded);
        r = h->maker.nat.backend->check(&h->maker.nat, &plan, &refusal);
        return r < 0 ? host_backend_fault(h, r, &refusal, f) : r;
}

static void note_repair(Host *h) {
        usec_t now = now_usec(CLOCK_MONOTONIC);

        if (h->repairs == 0 || now > usec_add(h->last_repair, BURST))
                log_warning("somebody changed or removed the guest's rules; they are as they were "
                            "again");
        h->repairs++;
        h->last_repair = now;
}

int host_rules_follow(Host *h, Fault *f) {
        _cleanup_close_ int lock = -EBADF;
        const char *why = "a change could not be made before";
        int r;

        if (!h->rules)
                return 0;
        r = look_at_host(h, &why, f);
        if (r < 0)
                return r;
        if (!h->rules_stale) {
                r = look_at_tables(h, f);
                if (r != 0)
                        return MIN(r, 0);
                why = NULL;
        }
        lock = try_lock_tables(h);
        if (lock < 0) /* next time; whoever asks umld something now gets his answer now */
                return lock == -ETIMEDOUT ? 0 : lock;
        r = make_rules(h, f);
        if (r < 0)
                return r;
        if (why)
                log_notice("%s: rules made anew", why);
        else if (r > 0)
                note_repair(h);
        warn(h);
        return r;
}

void host_rules_down(Host *h) {
        _cleanup_close_ int lock = -EBADF;
        _cleanup_(fault_done) Fault fault = {};

        if (!h->rules)
                return;
        lock = lock_tables(&fault);
        if (lock < 0) {
                log_warning("%s; leaving the guest's rules for the next start to remove",
                            fault.text ?: "cannot get the lock of iptables");
                h->left_behind = true;
                return;
        }
        host_forwards_release(h);
        host_backend_remove(h);
}

/* ---- for whoever asks ---- */

int host_rules_right(Host *h) {
        _cleanup_(fault_done) Fault fault = {};

        return h->rules ? look_at_tables(h, &fault) : -ENOENT;
}

int host_rules_before(Host *h, NatFamily family) {
        _cleanup_close_ int lock = xtables_lock(0);
        _cleanup_free_ Forward *guarded = guarded_ports(h);
        NatPlan plan;

        if (lock < 0 || !guarded || !h->rules)
                return lock < 0 ? lock : !guarded ? -ENOMEM : -ENOENT;
        plan = nat_plan(h, guarded);
        return h->maker.nat.backend->foreign_before(&h->maker.nat, &plan, family);
}

int host_rules_packets(Host *h, const Forward *port, uint64_t *ret) {
        _cleanup_close_ int lock = xtables_lock(0);
        _cleanup_free_ Forward *guarded = guarded_ports(h);
        NatPlan plan;

        if (lock < 0 || !guarded || !h->rules)
                return lock < 0 ? lock : !guarded ? -ENOMEM : -ENOENT;
        plan = nat_plan(h, guarded);
        return h->maker.nat.backend->packets(&h->maker.nat, &plan, port, ret);
}
