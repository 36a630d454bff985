/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The table of a guest in nf_tables: what umld compares, counts and deletes over netlink while the
 * guest is running. All fail like the queries of nat/nft-netlink.h. */

#include "nat/nat.h"

typedef struct NftLook {
        uint32_t generation;  /* when all this was read */
        unsigned families;    /* families that have such a table: 1 << NFPROTO_… */
        uint64_t fingerprint; /* of chains and rules, without the values of counters */
} NftLook;

/* -EAGAIN: something keeps changing tables. */
int nft_look(const char *table, NftLook *ret);

/* Deletes it, and in the same transaction the table (of family inet) that guests share, if that
 * contains nothing but one chain without rules, and no other table's name begins with the prefix.
 * shared: NULL = there is none. 1 = removed, 0 = there was none. */
int nft_delete(const char *table, const char *shared, const char *prefix);

/* How many packets the counter in the n-th rule of a chain, from 0, has counted. -ENOENT: there is
 * no such rule, or it has no counter. */
int nft_packets(uint8_t family, const char *table, const char *chain, size_t place, uint64_t *ret);

/* The same for the first n rules of a chain, in one pass over the table alone, whatever others
 * there are; a rule without a counter has counted nothing. */
int nft_counts(uint8_t family, const char *table, const char *chain, NatCount *ret, size_t n);
