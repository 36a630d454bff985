/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* umld-init's main part: it lives as long as the guest's kernel does, and tells umld of its end. */

#include "daemon/programs/store.h"
#include "daemon/programs/tun-broker.h"
#include "host/init-protocol.h"

typedef struct Supervised {
        pid_t kernel;  /* its main process */
        int signal_fd; /* SIGCHLD, and SIGTERM, which ends the guest */
        bool namespaced;
        bool outlives; /* the kernel is a relay, and ends when nobody has the other end of
                          INIT_FD_STATUS any more */
        TunBroker *broker;
        Store *store;
} Supervised;

/* Returns when umld has been told of the kernel's end, or when the guest has to end. Reaps whatever
 * else ends, opens the kernel's tap for it, and sees to the store. */
void supervise(const Supervised *s);
