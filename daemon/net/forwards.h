/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* May the guest have the ports that it wants? All of this under the lock of the tables. */

#include <stdio.h>

#include "daemon/net/net.h"

/* Brings the guard up to date, and refuses what would lock the administrator out or what another
 * guest has. */
int net_forwards_check(Net *net, Fault *f);

/* What is forwarded but better were not: one sentence a line. */
void net_forwards_warnings(const Net *net, FILE *file);

/* Tells the umlds of other guests which ports are taken, and that they are free again. */
int net_forwards_claim(const Net *net);
void net_forwards_release(const Net *net);
