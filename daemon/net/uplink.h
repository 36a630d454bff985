/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "daemon/net/net.h"

/* The uplinks and their addresses as they are now. 1 = others than at the last look, 0 = the same.
 * That of IPv6 is that of IPv4 unless the host's way out by it is another one. */
int net_find_uplink(Net *net, Fault *f);
