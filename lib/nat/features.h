/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Which matches and targets the kernel has, and in which revision. */

#include "nat/plan.h"

/* The newest revision of each extension that this kernel has: what iptables(8) would write. */
typedef struct NatRevisions {
        uint8_t conntrack, connlimit, dnat, queue;
} NatRevisions;

/* Does this kernel have legacy tables of that family? 0 = yes, -ENOPROTOOPT = no, or the error of
 * the query. Loads no module, and does not activate any table. */
int nat_tables_known(NatFamily family);

void nat_revisions_probe(NatFamily family, NatRevisions *ret);

/* The first revision of NFQUEUE that accepts what nobody waits for (Linux 2.6.39). */
#define NAT_QUEUE_REVISION 2

/* Which extension needed by the rule does this kernel lack? NULL = none, or it cannot be
 * determined. */
const char *nat_missing_feature(const NatRule *rule);
