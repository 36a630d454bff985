/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The sets and maps of nf_tables, for one look at the rules that use them: the elements of each are
 * read once, when a rule needs them. */

#include "basic/cleanup.h"
#include "nat/budget.h"
#include "nat/nft-eval.h"

typedef struct NftSet NftSet;

typedef struct NftSets {
        NftSet *list;
        size_t n, n_allocated;
        size_t last;    /* found; rules use sets mostly in order */
        size_t n_bytes; /* of the elements of all */
        Budget *budget; /* not owned */
} NftSets;

/* Lists all sets. -EINTR: they keep changing; -ETIME: the budget is spent; others as in
 * nft-netlink.h. */
int nft_sets_load(NftSets *s, Budget *budget);
void nft_sets_done(NftSets *s);

/* As NftLookup; the data is valid until nft_sets_done(). MATCH_MAYBE also for a set that is too
 * large to be read. */
Match nft_sets_lookup(NftSets *s, uint8_t family, const char *table, const char *name,
                      const NftValue *key, const void **ret_data, size_t *ret_size);
