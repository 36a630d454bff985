/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Which matches and targets the kernel has, and in which form. */

#include "nat/plan.h"

/* The newest form of each extension that this kernel knows: what iptables(8) would write. */
typedef struct NatRevisions {
        uint8_t conntrack, dnat;
} NatRevisions;

/* Does this kernel know legacy tables of that family? 0 = it does, -ENOPROTOOPT = it does not, or
 * why that cannot be told. Loads nothing, and brings no table into use. */
int nat_tables_known(NatFamily family);

void nat_revisions_probe(NatFamily family, NatRevisions *ret);

/* Which extension that the rule needs is unknown to this kernel? NULL = none, or it cannot be told.
 */
const char *nat_missing_feature(const NatRule *rule);
