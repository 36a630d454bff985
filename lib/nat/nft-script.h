/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* A guest's chains in the syntax of nft(8). */

#include "nat/plan.h"

#define NFT_TABLE_PREFIX   "umld-"
#define NFT_TABLE_NAME_MAX 32

/* The table of the administrator's own rules, which all guests share: nobody's name. Its only chain
 * sees forwarded packets before those of any guest. */
#define NFT_USER_TABLE "umld"

/* The quota of its new TCP connections: the kernel counts bytes, and this many are those of the
 * first packet of one. */
#define NFT_FRESH_QUOTA "fresh"
#define NFT_FRESH_BYTES 60

/* The name of a guest's table. */
char *nft_table_name(const char *guest, char buf[static NFT_TABLE_NAME_MAX]);

/* In the table that both families share, the chains of the second family have names of their own.
 */
#define NFT_CHAIN_NAME_SIZE (NAT_CHAIN_NAME_SIZE + 4)
char *nft_chain_name(NatFamily family, const char *name, bool inet,
                     char buf[static NFT_CHAIN_NAME_SIZE]);

/* Chains at this priority or later see forwarded packets after ours. */
#define NFT_FORWARD_PRIORITY (-1)

/* The commands that create the table, or "" if no chain has rules; the caller frees *ret. One table
 * of family inet for everything or, as required for nat by kernels before 5.2, one each of ip and
 * ip6. -EINVAL: the name of an interface cannot be expressed. */
int nft_script(const NatChains *chains, const char *table, bool inet, char **ret);

/* Which rule of the table's chain, from 0, implements the n-th rule of a planned chain without
 * states: a single rule may implement many forwards. */
size_t nft_rule_place(const NatChain *chain, size_t n);
/* The same for all of its rules. */
void nft_rule_places(const NatChain *chain, size_t *ret);

/* The same commands, but first delete existing tables of that name, one bit for each family (1 <<
 * NFPROTO_…), and if asked to create the administrator's. */
int nft_script_replace(const char *commands, const char *table, unsigned families, bool user,
                       char **ret);
