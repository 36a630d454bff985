/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Looks for tracked connections that the rules of today would have made otherwise. */

#include "nat/nat.h"

typedef struct StaleFlows {
        size_t n;
        IpAddress client; /* of the first */
} StaleFlows;

/* Connections to that port of one of these addresses of the host, which do not lead to the guest:
 * an entry that was there before the rules stays as long as packets come. -E2BIG: there are so many
 * connections that looking at all of them takes too long; -EPERM, -ENOPROTOOPT. */
int flows_find_stale(NatFamily family, uint8_t protocol, uint16_t port, const IpAddress *own,
                     size_t n_own, const IpAddress *guest, StaleFlows *ret);
