/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "daemon/net/net.h"

/* The step for the ports of Proxy=, which systemd-socket-proxyd relays. */
int net_relays_up(Net *net, Fault *f);
int net_relays_down(Net *net, Fault *f);

/* The first of these in two parts: the one that can fail, and the one that cannot, or the
 * cancellation. */
int net_relays_prepare(Net *net, Fault *f);
void net_relays_commit(Net *net);
void net_relays_abandon(Net *net);
