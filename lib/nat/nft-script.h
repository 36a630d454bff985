/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* A guest's chains in nft(8)'s language. */

#include "nat/plan.h"

#define NFT_TABLE_PREFIX   "umld-"
#define NFT_TABLE_NAME_MAX 32

/* The name of a guest's table. */
char *nft_table_name(const char *guest, char buf[static NFT_TABLE_NAME_MAX]);

/* In the one table that both families share, the chains of the second have names of their own. */
#define NFT_CHAIN_NAME_SIZE (NAT_CHAIN_NAME_SIZE + 4)
char *nft_chain_name(NatFamily family, const char *name, bool inet,
                     char buf[static NFT_CHAIN_NAME_SIZE]);

/* What chains of others that see forwarded packets must come before, to come before ours. */
#define NFT_FORWARD_PRIORITY (-1)

/* The commands that make the table, or "" where no chain has rules; *ret is the caller's to free().
 * One table of family inet for all, or, as kernels before 5.2 need for nat, one for each of ip and
 * ip6. -EINVAL: the name of an interface cannot be said in that language. */
int nft_script(const NatChains *chains, const char *table, bool inet, char **ret);

/* Which rule of the table's chain, from 0, does the work of the n-th of a chain in which no rule
 * asks for a state: that of many forwards is done by one. */
size_t nft_rule_place(const NatChain *chain, size_t n);

/* The same commands, but in place of what tables of that name there are, one bit for each family
 * (1 << NFPROTO_…). */
int nft_script_replace(const char *commands, const char *table, unsigned families, char **ret);
