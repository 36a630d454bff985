/* SPDX-License-Identifier: GPL-2.0-or-later */
/* guard.c - determines which ports of the host must not be forwarded, and why. */

#include <arpa/inet.h>

#include "host/guard.h"

#define SESSIONS_MAX 16

static const char *const login_services[] = { "sshd", "sshd-session", "dropbear", "lshd" };

void guard_done(Guard *g) {
        free(g->ports);
        free(g->sessions);
        free(g->logins);
        free(g->seen);
        *g = (Guard){};
}

static int push(GuardedPort **list, size_t *n, const GuardedPort *p) {
        GuardedPort *grown = reallocarray(*list, *n + 1, sizeof(*p));

        if (!grown)
                return -ENOMEM;
        *list = grown;
        grown[(*n)++] = *p;
        return 0;
}

static GuardedPort tcp_port(uint16_t port) {
        return (GuardedPort){ .ports = { FORWARD_TCP, port, port, port } };
}

int guard_add_session(Guard *g, const char *text) {
        char client[INET6_ADDRSTRLEN + 1], server[INET6_ADDRSTRLEN + 1], rest;
        struct in6_addr address;
        unsigned client_port, port;
        GuardedPort p;

        static_assert(INET6_ADDRSTRLEN == 46, "the widths below");
        if (sscanf(text, "%46s %5u %46s %5u%c", client, &client_port, server, &port, &rest) != 4 ||
            (inet_pton(AF_INET, client, &address) != 1 &&
             inet_pton(AF_INET6, client, &address) != 1) ||
            port < 1 || port > UINT16_MAX)
                return -EINVAL;
        for (size_t i = 0; i < g->n_sessions; i++)
                if (g->sessions[i].ports.host_first == port)
                        return 0;
        if (g->n_sessions == SESSIONS_MAX)
                return -E2BIG;
        p = tcp_port((uint16_t) port);
        snprintf(p.why, sizeof(p.why), "ssh session from %.46s", client);
        return push(&g->sessions, &g->n_sessions, &p) < 0 ? -ENOMEM : 1;
}

/* PID 1 may hold the socket for a service that it starts on the first connection. */
static bool is_login_service(pid_t pid, const char *comm) {
        FOREACH_ELEMENT (s, login_services)
                if (streq(comm, *s))
                        return true;
        return pid == 1;
}

/* list: TCP only. Only root's services count: another user who names a process sshd must not keep
 * ports from the guest. */
static int find_logins(const Listener *list, size_t n, GuardedPort **ret, size_t *ret_n) {
        _cleanup_free_ Owner *owners = calloc(n + 1, sizeof(*owners));
        _cleanup_free_ GuardedPort *found = NULL;
        size_t n_found = 0;
        int r;

        if (!owners)
                return -ENOMEM;
        r = listeners_owners(list, n, is_login_service, owners);
        for (size_t i = 0; r >= 0 && i < n; i++) {
                GuardedPort p = tcp_port(list[i].port);

                if (owners[i].pid == 0 || list[i].uid != 0)
                        continue;
                snprintf(p.why, sizeof(p.why), "%s, pid %d", owners[i].comm, (int) owners[i].pid);
                p.service = owners[i].pid != 1;
                r = push(&found, &n_found, &p);
        }
        if (r < 0)
                return r;
        *ret = TAKE_PTR(found);
        *ret_n = n_found;
        return 0;
}

static bool same_listeners(const Listener *a, size_t n_a, const Listener *b, size_t n_b) {
        for (size_t i = 0; n_a == n_b && i < n_a; i++)
                if (a[i].inode != b[i].inode || a[i].port != b[i].port)
                        return false;
        return n_a == n_b;
}

/* TCP comes first. */
static size_t count_tcp(const Listener *list, size_t n) {
        size_t i = 0;

        while (i < n && list[i].protocol == FORWARD_TCP)
                i++;
        return i;
}

static bool same_tcp(const Guard *g, const Listener *list, size_t n) {
        return g->looked &&
               same_listeners(g->seen, count_tcp(g->seen, g->n_seen), list, count_tcp(list, n));
}

static bool in_list(const GuardedPort *list, size_t n, const Forward *f) {
        for (size_t i = 0; i < n; i++)
                if (list[i].ports.protocols == f->protocols &&
                    list[i].ports.host_first == f->host_first &&
                    list[i].ports.host_last == f->host_last)
                        return true;
        return false;
}

/* If no login service is left, the ports of the last ones stay guarded. */
static int keep_last_services(const Guard *g, GuardedPort **logins, size_t *n) {
        int r = 0;

        for (size_t i = 0; i < *n; i++)
                if ((*logins)[i].service)
                        return 0;
        for (size_t i = 0; r >= 0 && i < g->n_logins; i++)
                if (g->logins[i].service && !in_list(*logins, *n, &g->logins[i].ports))
                        r = push(logins, n, &g->logins[i]);
        return r;
}

static int update_logins(Guard *g, const Listener *list, size_t n) {
        _cleanup_free_ GuardedPort *logins = NULL;
        size_t n_logins = 0;
        int r = find_logins(list, n, &logins, &n_logins);

        if (r >= 0)
                r = keep_last_services(g, &logins, &n_logins);
        if (r < 0)
                return r;
        free(g->logins);
        g->logins = TAKE_PTR(logins);
        g->n_logins = n_logins;
        return 0;
}

static int look(Guard *g) {
        _cleanup_free_ Listener *list = NULL;
        size_t n;
        int r = listeners_read(FORWARD_TCP | FORWARD_UDP, &list, &n);

        if (r >= 0 && !same_tcp(g, list, n))
                r = update_logins(g, list, count_tcp(list, n));
        if (r < 0)
                return r;
        free(g->seen);
        g->seen = TAKE_PTR(list);
        g->n_seen = n;
        g->looked = true;
        return 0;
}

/* Merges the three sources into one list without duplicates. */
static int collect(const Guard *g, const Forward *reserved, size_t n_reserved, GuardedPort **list,
                   size_t *n) {
        const struct {
                const GuardedPort *ports;
                size_t n;
        } sources[] = { { g->logins, g->n_logins }, { g->sessions, g->n_sessions } };
        int r = 0;

        FOREACH_ELEMENT (s, sources)
                for (size_t i = 0; r >= 0 && i < s->n; i++)
                        if (!in_list(*list, *n, &s->ports[i].ports))
                                r = push(list, n, &s->ports[i]);
        for (size_t i = 0; r >= 0 && i < n_reserved; i++) {
                GuardedPort p = { .ports = reserved[i], .why = "Reserve=" };

                if (!in_list(*list, *n, &reserved[i]))
                        r = push(list, n, &p);
        }
        return r;
}

int guard_update(Guard *g, const Forward *reserved, size_t n_reserved) {
        _cleanup_free_ GuardedPort *list = NULL;
        size_t n = 0, kept = 0;
        bool same;
        int r = look(g);

        if (r >= 0)
                r = collect(g, reserved, n_reserved, &list, &n);
        if (r < 0)
                return r;
        for (size_t i = 0; i < n; i++)
                kept += in_list(g->ports, g->n, &list[i].ports);
        same = n == g->n && kept == n;
        free(g->ports);
        g->ports = TAKE_PTR(list);
        g->n = n;
        return !same;
}

int guard_moved(const Guard *g) {
        _cleanup_free_ Listener *list = NULL;
        size_t n;
        int r = listeners_read(FORWARD_TCP, &list, &n);

        return r < 0 ? r : !same_tcp(g, list, n);
}

const GuardedPort *guard_find(const Guard *g, const Forward *port) {
        for (size_t i = 0; i < g->n; i++)
                if (forward_overlaps(&g->ports[i].ports, port))
                        return &g->ports[i];
        return NULL;
}
