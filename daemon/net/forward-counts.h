/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What the rules that forward ports to the guest have counted. A rule of the NAT tables sees the
 * first packet of each connection alone. */

#include "daemon/net/net.h"

typedef struct ForwardCount {
        char name[FORWARD_TEXT_MAX]; /* as in Forward=, or "tcp (map)" for those that share a rule
                                        of nftables */
        NatCount count;
} ForwardCount;

/* One pass over the guest's own rules, or with legacy tables over table nat. The caller frees *ret.
 * -ENOENT: there are no rules. */
int net_forward_counts(Net *net, ForwardCount **ret, size_t *ret_n);
