/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "daemon/net/net.h"

/* The guest has no IPv6 from now on: says so, and undoes what was done for it. */
void net_ipv6_lacking(Net *net, const char *what, int error);

/* Gives the tap, which has this index, its IPv6, or takes it away. */
void net_tap_ipv6(Net *net, int index);

/* The step for forwarding of IPv6, and for an uplink that listens to its routers all the same. */
int net_forwarding6_up(Net *net, Fault *f);
int net_forwarding6_down(Net *net, Fault *f);
