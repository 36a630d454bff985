/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The plan of the guest's firewall rules. */

#include "daemon/net/net.h"

/* The ports that must not be forwarded, for the plan: guarded, or relayed; the caller frees them.
 */
Forward *net_guarded_ports(const Net *net);
/* The plan, which borrows from everything that it is made of. */
NatPlan net_plan(const Net *net, const Forward *guarded);

/* By the configuration: the guest keeps its own addresses of that family. */
bool net_masquerade_is_off(const Net *net, NatFamily family);
/* Chooses between MASQUERADE and SNAT on this host. */
int net_masquerade_choose(Net *net, Fault *f);
/* Only after the modules have been loaded it is known that the kernel has no MASQUERADE: then true,
 * and SNAT is used. */
bool net_masquerade_fall_back(Net *net, int error, NatFamily family);
