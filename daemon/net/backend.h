/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* iptables or nftables? */

#include <stdio.h>

#include "daemon/net/net.h"

/* Chooses, unless rules are there already by what was chosen for the same setting. */
void net_backend_choose(Net *net);

/* Was the choice our own, and is there something else to try where the host refused it with that
 * error? Then that is chosen. */
bool net_backend_retry(Net *net, int error);

/* Takes the guest's rules away, also those that a predecessor made by other means. */
int net_backend_remove(Net *net);

/* Says what a refusal means, and what would help. */
int net_backend_fault(const Net *net, int error, const NatRefusal *refusal, Fault *f);

/* Says, one sentence a line, which rules of the host's own ours cannot overrule. */
void net_backend_warnings(const Net *net, FILE *file);
