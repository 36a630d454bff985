/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What the tracked connections to a port say of it: whom it serves, and whom an entry keeps from it
 * that the rules of today would not make. */

#include "nat/nat.h"

typedef struct FlowsFound {
        size_t n;
        IpAddress client; /* of the first */
} FlowsFound;

typedef struct PortFlows {
        FlowsFound stale;  /* they do not lead to the guest, and stay as long as packets come */
        FlowsFound served; /* strangers' that were answered */
} PortFlows;

typedef struct PortSearch {
        NatFamily family;
        uint8_t protocol;
        uint16_t port;
        const IpAddress *own; /* the host's addresses where the port is */
        size_t n_own;
        const IpAddress *guest; /* it answers; NULL: the host does, for a relay */

        /* Does somebody at that address come in by an uplink? */
        bool (*is_stranger)(const IpAddress *client, void *userdata);
        void *userdata;
} PortSearch;

/* -E2BIG: there are so many connections that looking at all of them takes too long; -EPERM,
 * -EOPNOTSUPP. */
int port_flows_find(const PortSearch *s, PortFlows *ret);
