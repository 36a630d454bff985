/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* A rule as the blob in which the kernel's legacy tables keep it. */

#include "host/nat-plan.h"

/* After glibc's headers, which nat-plan.h brings: only in this order do the two get along. */
#include <linux/netfilter_ipv4/ip_tables.h>

typedef union NatBlob {
        struct ipt_entry entry;
        unsigned char bytes[512];
} NatBlob;

/* The newest form of each extension that this kernel knows: what iptables(8) would write. */
typedef struct NatRevisions {
        uint8_t conntrack, dnat;
} NatRevisions;

void nat_revisions_probe(NatRevisions *ret);

void nat_blob_encode(const NatRule *rule, const NatRevisions *revisions, NatBlob *ret);

/* The way back. target is libiptc's name of the entry's target: only it knows the names of chains.
 * false: this is no rule that a NatRule could express. */
bool nat_blob_decode(const struct ipt_entry *entry, const char *target, NatRule *ret);

/* Which extension that the rule needs is unknown to this kernel? NULL = none, or it cannot be told.
 */
const char *nat_missing_feature(const NatRule *rule);
