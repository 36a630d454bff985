/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "daemon/net/net.h"

/* Updates the uplinks and their addresses. 1 = they have changed, 0 = they have not. The uplink for
 * IPv6 is that of IPv4 unless the host has another one for it. */
int net_find_uplink(Net *net, Fault *f);
