/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "daemon/net/net.h"

/* The step for the guest's tap: it exists, and is its own. */
int net_tap_up(Net *net, Fault *f);
int net_tap_down(Net *net, Fault *f);

/* Sets the configured MTU on the tap, or that of the uplink. */
void net_mtu_follow(Net *net);

/* Sets up a tap of ours that somebody has set down. */
void net_tap_follow(Net *net);

/* The kernel's own check of what comes from the tap, on which the rules do not rely: "strict" (what
 * does not come from the guest's network is dropped), "loose", "off"; "" = not known, or there is
 * no tap yet. */
const char *net_tap_reverse_path(const Net *net);
