/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Converts between a NatRule and the blob in which the kernel's legacy tables store it. */

#include "nat/features.h"
#include "nat/plan.h"

/* After glibc's headers, which nat-plan.h includes: only in this order are the two compatible. */
#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netfilter_ipv6/ip6_tables.h>

typedef union NatBlob {
        struct ipt_entry v4;
        struct ip6t_entry v6;
        unsigned char bytes[640];
} NatBlob;

void nat_blob_encode(const NatRule *rule, const NatRevisions *revisions, NatBlob *ret);

/* The opposite conversion, for an entry of that family. target is libiptc's name of its target,
 * because only libiptc knows the names of chains. false: a NatRule cannot express this rule. */
bool nat_blob_decode(NatFamily family, const void *entry, const char *target, NatRule *ret);
