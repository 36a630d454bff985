/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "daemon/net/net.h"

/* Updates the uplinks and their addresses. 1 = they have changed, 0 = they have not. A family whose
 * uplinks are gone keeps those that it had; -ENETUNREACH: there is none of any family. */
int net_find_uplink(Net *net, Fault *f);
