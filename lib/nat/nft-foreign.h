/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What the host's own nftables contain, apart from the tables of guests. */

#include "basic/macro.h"

#define NFT_NAME_MAX 64

/* 1 = the host has rules there, or a chain with a drop policy; 0 = it has not. Errors as in
 * nft-netlink.h. */
int nft_host_has_rules(void);

/* A chain of the host that drops what none of its rules accepts: an accepting rule in another table
 * cannot override it. */
typedef struct NftBarrier {
        uint8_t family; /* NFPROTO_… */
        char table[NFT_NAME_MAX], chain[NFT_NAME_MAX];
} NftBarrier;

#define NFT_BARRIERS_MAX 8

/* How many rules of the host's own see a forwarded packet before chains of that priority do. */
int nft_forward_rules_before(int priority);

/* Finds the first few barriers for forwarded packets whose table has no rule that names that tap;
 * those for IPv6 only if that matters. Returns how many. */
int nft_forward_barriers(const char *tap, bool ipv6, NftBarrier ret[static NFT_BARRIERS_MAX]);
