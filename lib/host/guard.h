/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The ports by which the administrator reaches the host. They are never forwarded. */

#include "basic/forward.h"
#include "host/listeners.h"

#define GUARD_WHY_MAX 64

typedef struct GuardedPort {
        Forward ports;
        char why[GUARD_WHY_MAX]; /* "sshd, pid 812" */
        bool service;            /* a login service has it open itself */
} GuardedPort;

typedef struct Guard {
        GuardedPort *ports; /* in force */
        size_t n;
        GuardedPort *sessions; /* those by which somebody gave us orders */
        size_t n_sessions;
        GuardedPort *logins; /* where a login service listens */
        size_t n_logins;
        Listener *seen; /* what was there at the last look */
        size_t n_seen;
        bool looked;
} Guard;

void guard_done(Guard *g);

/* Notes the port of an SSH_CONNECTION ("CLIENT PORT SERVER PORT"), which came from outside: -EINVAL
 * where it is none, -E2BIG where there are many already. 1 = noted, 0 = known. It counts from the
 * next guard_update() on. */
int guard_add_session(Guard *g, const char *ssh_connection);

/* Looks at the host again. 1 = other ports are guarded than before, 0 = the same. Where nothing has
 * begun or ended to listen, this costs the reading of a short table. A port where a login service
 * listened stays guarded until one listens elsewhere: a service that is being restarted must find
 * its port as it left it. */
int guard_update(Guard *g, const Forward *reserved, size_t n_reserved);

/* Does it guard this port? NULL = no. */
const GuardedPort *guard_find(const Guard *g, const Forward *port);
