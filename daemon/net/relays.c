/* SPDX-License-Identifier: GPL-2.0-or-later */
/* relays.c - may the guest have the ports of Proxy=, and can they be relayed? */

#include "daemon/net/relays.h"
#include "basic/child.h"
#include "basic/string-util.h"
#include "daemon/net/proxy.h"
#include "host/lock.h"

static int fault_taken(const Net *net, uint16_t port, Fault *f) {
        Owner owner = {};

        for (size_t i = 0; i < net->guard.n_seen && owner.pid == 0; i++)
                if (net->guard.seen[i].port == port && net->guard.seen[i].protocol == FORWARD_TCP)
                        (void) listeners_owners(&net->guard.seen[i], 1, NULL, &owner);
        if (owner.pid > 0)
                return fault_set(f, VERDICT_NETWORK, true, -EADDRINUSE,
                                 "Proxy=: tcp/%u is already used on this host by pid %d (%s); stop "
                                 "that, or relay another port: Proxy=tcp/PORT:%u",
                                 port, (int) owner.pid, owner.comm, port);
        return fault_set(
                f, VERDICT_NETWORK, true, -EADDRINUSE,
                "Proxy=: tcp/%u is already used on this host by a process that is not visible from "
                "here, or that listens on one address only; relay another port: Proxy=tcp/PORT:%u",
                port, port);
}

/* Is it a relay of this guest's, whose own umld runs beside this check? */
static bool is_own(const Net *net, const Listener *l) {
        _cleanup_free_ char *lock = strfmt("%s/lock", net->host->directory);

        return lock && pid_lock_has_socket(lock, l->inode);
}

/* Only checks. */
static int check_taken(const Net *net, Fault *f) {
        for (size_t i = 0; i < net->guard.n_seen; i++) {
                const Listener *l = &net->guard.seen[i];
                const Forward port = { l->protocol, l->port, l->port, l->port };

                for (size_t k = 0; k < net->host->config->n_proxies; k++)
                        if (forward_overlaps(&net->host->config->proxies[k], &port) &&
                            !is_own(net, l))
                                return fault_taken(net, l->port, f);
        }
        return 0;
}

static int check_guarded(const Net *net, Fault *f) {
        char mine[FORWARD_TEXT_MAX], guarded[FORWARD_TEXT_MAX];

        for (size_t i = 0; i < net->host->config->n_proxies; i++)
                for (size_t k = 0; k < net->guard.n; k++) {
                        const GuardedPort *g = &net->guard.ports[k];

                        if (forward_overlaps(&net->host->config->proxies[i], &g->ports))
                                return fault_set(
                                        f, VERDICT_NETWORK, true, -EADDRINUSE,
                                        "Proxy=%s: %s cannot be relayed, because you reach the "
                                        "host through it (%s); relay another port",
                                        forward_format(&net->host->config->proxies[i], mine),
                                        forward_format(&g->ports, guarded), g->why);
                }
        return 0;
}

int net_relays_prepare(Net *net, Fault *f) {
        const Config *c = net->host->config;
        uint16_t port = 0;
        int r;

        if (c->n_proxies > 0) {
                if (!proxy_program())
                        return fault_set(f, VERDICT_NETWORK, false, -ENOENT,
                                         "Proxy=: %s, which relays the ports, is missing; install "
                                         "the package systemd, or use Forward=",
                                         PROXY_PROGRAM);
                r = guard_update(&net->guard, c->reserved, c->n_reserved);
                if (r < 0)
                        return fault_set(f, VERDICT_NETWORK, true, r,
                                         "cannot determine which ports the host listens on: %m");
                net->rules_stale |= r > 0;
                r = check_guarded(net, f);
                if (r >= 0 && net->host->quiet)
                        r = check_taken(net, f);
                if (r < 0)
                        return r;
        }
        if (net->host->quiet || !net->proxies)
                return 0;
        r = proxies_prepare(net->proxies, c->proxies, c->n_proxies, c->guest_address, &port);
        /* A reload that waits for libnftables opens the ports again at each attempt, and its child
           may not have closed yet what it inherited of the last one. */
        if (r == -EADDRINUSE && net->under_way)
                return fault_wait(f, VERDICT_NETWORK, -EBADF, "a child to let go of tcp/%u", port);
        if (r == -EADDRINUSE) {
                (void) guard_update(&net->guard, c->reserved, c->n_reserved);
                return fault_taken(net, port, f);
        }
        if (r < 0)
                return fault_set(f, VERDICT_NETWORK, true, r, "Proxy=: cannot listen on tcp/%u: %m",
                                 port);
        return 0;
}

void net_relays_commit(Net *net) {
        if (net->proxies && !net->host->quiet)
                proxies_commit(net->proxies);
}

void net_relays_abandon(Net *net) {
        if (net->proxies)
                proxies_abandon(net->proxies);
}

int net_relays_up(Net *net, Fault *f) {
        int r = net_relays_prepare(net, f);

        if (r >= 0)
                net_relays_commit(net);
        return r;
}

int net_relays_down(Net *net, Fault *f) {
        if (net->proxies)
                proxies_close(net->proxies);
        /* Relays that still hold the ports. */
        if (children_collect() > 0 || (net->proxies && proxies_ending(net->proxies) > 0))
                return fault_wait(f, VERDICT_NETWORK, -EBADF, "the relays to end");
        return 0;
}
