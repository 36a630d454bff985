/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* May the guest have the ports that it wants? All of this is called under the xtables lock. */

#include <stdio.h>

#include "daemon/net/net.h"

/* Updates the guard, and refuses forwards that would lock the administrator out or that another
 * guest has. */
int net_forwards_check(Net *net, Fault *f);

/* Returns warnings about forwards: one sentence per line. */
void net_forwards_warnings(const Net *net, FILE *file);

/* Tells the umlds of other guests which ports are used, and that they are free again. */
int net_forwards_claim(Net *net);
void net_forwards_release(Net *net);
