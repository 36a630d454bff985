/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "daemon/net/net.h"

/* The step for ip_forward, which all guests of a host share. */
int net_forwarding_up(Net *net, Fault *f);
int net_forwarding_down(Net *net, Fault *f);
