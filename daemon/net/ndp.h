/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "daemon/net/net.h"

/* The step for neighbour discovery: a guest that keeps its own IPv6 address (Masquerade6=no), which
 * is in a network that an uplink is in, is looked for on that link; the host answers for it. */
int net_ndp_up(Net *net, Fault *f);
int net_ndp_down(Net *net, Fault *f);

/* Answers again if that was lost: the kernel forgets it when the uplink is set down. */
int net_ndp_follow(Net *net, Fault *f);
