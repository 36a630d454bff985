/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "daemon/net/net.h"

/* The step for the guest's tap: made, and its own. */
int net_tap_up(Net *net, Fault *f);
int net_tap_down(Net *net, Fault *f);

/* Gives the tap the MTU that is asked for, or the uplink's. */
void net_mtu_follow(Net *net);
