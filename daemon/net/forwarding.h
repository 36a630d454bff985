/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "daemon/net/net.h"

/* The step for ip_forward, which all guests of a host share. */
int net_forwarding_up(Net *net, Fault *f);
int net_forwarding_down(Net *net, Fault *f);
/* While the guest's network is up: sets it again if another program has reset it. -EAGAIN, with *f
 * set or not: it cannot be done now. */
int net_forwarding_follow(Net *net, Fault *f);
