/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* iptables or nftables? */

#include "daemon/net/net.h"

/* Chooses, unless there are already rules of the backend that was chosen for the same setting. */
void net_backend_choose(Net *net);

/* Was the choice our own, and is there an alternative if the host refused it with that error? If
 * so, chooses that. */
bool net_backend_retry(Net *net, int error);

/* Removes the guest's rules, including those that a predecessor set with the other backend. */
int net_backend_remove(Net *net);

/* Explains a refusal, and what would help. */
int net_backend_fault(const Net *net, int error, const NatRefusal *refusal, Fault *f);
