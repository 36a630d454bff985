/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Judges a rule of nf_tables by its expressions, as the kernel returns them. */

#include "nat/packet.h"
#include "nat/walk.h"

#define NFT_DATA_MAX 64 /* bytes of all registers */

/* What is known of a value's bytes. */
typedef enum NftKnown {
        NFT_KNOWN,
        NFT_STRANGERS, /* a part of a stranger's address: not any that a rule names */
        NFT_UNKNOWN,
} NftKnown;

typedef struct NftValue {
        uint8_t bytes[NFT_DATA_MAX];
        uint8_t known[NFT_DATA_MAX]; /* NftKnown, of each */
        size_t size;
} NftValue;

/* Looks a key up in a set, or a map, whose data is then in *ret_data, as attributes: NFTA_DATA_…,
 * valid until the next look-up; NULL for a set. MATCH_MAYBE: the key is not known well enough. */
typedef Match (*NftLookup)(const void *userdata, const char *set, const NftValue *key,
                           const void **ret_data, size_t *ret_size);

/* list: the attribute NFTA_RULE_EXPRESSIONS. A chain in *ret points into it, or into what was
 * looked up. */
void nft_rule_judge(const void *list, size_t size, const Packet *p, NftLookup lookup,
                    const void *userdata, Step *ret);

/* What is known of two values of one size: equal, not, or maybe. */
Match nft_value_equal(const NftValue *v, const void *data, size_t size);
