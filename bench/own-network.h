/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What a bench makes, and removes, must never be the machine's own. */

#include <stdio.h>
#include <sys/socket.h>

#include "basic/cleanup.h"

#include "host/rtnl.h"

/* A network that leads somewhere is none for a bench: says so. */
static inline bool own_network(const char *bench) {
        _cleanup_(rtnl_closep) Rtnl *rtnl = NULL;
        char uplink[1][IFNAMSIZ];

        if (rtnl_open(&rtnl) >= 0 && net_default_uplinks(rtnl, AF_INET, uplink, 1) == 0)
                return true;
        fprintf(stderr,
                "bench-%s: changes the network it runs in; run it by bench/%s, which makes one\n",
                bench, bench);
        return false;
}
