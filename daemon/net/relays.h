/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "daemon/net/net.h"

/* The step for the ports of Proxy=, which systemd-socket-proxyd relays. */
int net_relays_up(Net *net, Fault *f);
int net_relays_down(Net *net);
