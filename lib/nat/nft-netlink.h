/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What nf_tables tells over netlink, without a library: short questions that are asked again and
 * again while a guest runs. All fail with -ENOPROTOOPT where the kernel has no nf_tables, and with
 * -EPERM where it forbids them. */

#include <sys/types.h>

#include "basic/macro.h"

/* How many transactions this network namespace has seen: while the number stays, so do all tables.
 */
int nft_generation(uint32_t *ret);

/* ---- the tables of one name, whatever their family ---- */

typedef struct NftLook {
        uint32_t generation;  /* at which all that was seen */
        unsigned families;    /* in which there is such a table: 1 << NFPROTO_… */
        uint64_t fingerprint; /* of chains and rules, but not of what counters say */
} NftLook;

/* -EAGAIN: somebody keeps changing tables. */
int nft_look(const char *table, NftLook *ret);

/* In one transaction. 1 = removed, 0 = there was none. */
int nft_delete(const char *table);

/* How many packets the counter in the rule at that place of a chain, from 0, has seen. -ENOENT:
 * there is no such rule, or no counter in it. */
int nft_packets(uint8_t family, const char *table, const char *chain, size_t place, uint64_t *ret);

/* ---- any table ---- */

typedef enum NftKind {
        NFT_TABLES,
        NFT_CHAINS,
        NFT_RULES,
        NFT_KIND_MAX,
} NftKind;

/* One table, chain or rule. */
typedef struct NftObject {
        NftKind kind;
        uint8_t family;    /* NFPROTO_… */
        const char *table; /* its name, or that of the table it is in */
        const void *attributes;
        size_t size;
} NftObject;

/* The payload of an attribute of that type, its size in *ret_size; NULL = there is none. */
const void *nft_attribute(const void *attributes, size_t size, unsigned type, size_t *ret_size);
/* The same for text, and for numbers: false = there is none. */
const char *nft_text(const void *attributes, size_t size, unsigned type);
bool nft_number(const void *attributes, size_t size, unsigned type, uint32_t *ret);

/* Calls fn for each of that kind, until it returns other than 0, and returns that. In a rule's
 * chain they come in their order. -EINTR: something changed meanwhile. */
int nft_foreach(NftKind kind, int (*fn)(const NftObject *o, void *userdata), void *userdata);

/* The name of a family in nft(8)'s language. */
const char *nft_family_name(uint8_t family);
