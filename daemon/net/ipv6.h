/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "daemon/net/net.h"

/* The guest has no IPv6 from now on: logs why, and undoes what was done for it. */
void net_ipv6_lacking(Net *net, const char *what, int error);

/* Configures IPv6 on the tap, which has this index, or removes it. */
void net_tap_ipv6(Net *net, int index);

/* The step for IPv6 forwarding, and for an uplink that accepts router advertisements nevertheless.
 */
int net_forwarding6_up(Net *net, Fault *f);
int net_forwarding6_down(Net *net, Fault *f);
