/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The ports through which the administrator reaches the host. They are never forwarded. */

#include "basic/forward.h"
#include "host/listeners.h"

#define GUARD_WHY_MAX 64

typedef struct GuardedPort {
        Forward ports;
        char why[GUARD_WHY_MAX]; /* "sshd, pid 812" */
        bool service;            /* PID 1 has opened it for a login service */
} GuardedPort;

typedef struct Guard {
        GuardedPort *ports; /* in force */
        size_t n;
        GuardedPort
                *sessions; /* ports through which an administrator who used umlctl is connected */
        size_t n_sessions;
        GuardedPort *logins; /* ports on which a login service listens */
        size_t n_logins;
        Listener *seen; /* the listening sockets at the last check */
        size_t n_seen;
        bool looked;
} Guard;

void guard_done(Guard *g);

/* Adds the port of an SSH_CONNECTION ("CLIENT PORT SERVER PORT"), which is untrusted: -EINVAL if
 * malformed, -E2BIG if there are already many. 1 = added, 0 = known. It takes effect at the next
 * guard_update(). */
int guard_add_session(Guard *g, const char *ssh_connection);

/* Checks the host again. 1 = the set of guarded ports has changed, 0 = it has not. The port of a
 * login service stays guarded until one listens elsewhere: a service that is being restarted must
 * find its port as it was. */
int guard_update(Guard *g, const Forward *reserved, size_t n_reserved);

/* Have the listening TCP sockets changed since the last guard_update()? 1 = yes, so that guarded
 * ports may have changed, too; 0 = no. Much cheaper than guard_update(). */
int guard_moved(const Guard *g);

/* Returns why it guards this port; NULL = it does not. */
const GuardedPort *guard_find(const Guard *g, const Forward *port);
