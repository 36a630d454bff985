/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Queries nf_tables over netlink, without a library: short queries that are repeated while a guest
 * is running. All fail with -ENOPROTOOPT if the kernel has no nf_tables, and with -EPERM if it
 * forbids them. */

#include <sys/types.h>

#include "basic/macro.h"

/* The generation: how many transactions this network namespace has seen. As long as it does not
 * change, no table does. */
int nft_generation(uint32_t *ret);

/* ---- the tables of one name, of any family ---- */

typedef struct NftLook {
        uint32_t generation;  /* when all this was read */
        unsigned families;    /* families that have such a table: 1 << NFPROTO_… */
        uint64_t fingerprint; /* of chains and rules, without the values of counters */
} NftLook;

/* -EAGAIN: something keeps changing tables. */
int nft_look(const char *table, NftLook *ret);

/* In one transaction. 1 = removed, 0 = there was none. */
int nft_delete(const char *table);

/* Removes that table of family inet if it contains nothing but one chain without rules, and if no
 * table's name begins with the prefix. 1 = removed, 0 = there is none, or it is needed. */
int nft_delete_idle(const char *table, const char *prefix);

/* How many packets the counter in the n-th rule of a chain, from 0, has counted. -ENOENT: there is
 * no such rule, or it has no counter. */
int nft_packets(uint8_t family, const char *table, const char *chain, size_t place, uint64_t *ret);

/* ---- any table ---- */

typedef enum NftKind {
        NFT_TABLES,
        NFT_CHAINS,
        NFT_RULES,
        NFT_KIND_MAX,
        NFT_ELEMENTS = NFT_KIND_MAX, /* of one set: nft_foreach_element() */
        NFT_SETS,
} NftKind;

/* One table, chain, rule or set. */
typedef struct NftObject {
        NftKind kind;
        uint8_t family;    /* NFPROTO_… */
        const char *table; /* its name, or that of the table it is in */
        const void *attributes;
        size_t size;
} NftObject;

/* Returns the payload of an attribute of that type, its size in *ret_size; NULL = there is none. */
const void *nft_attribute(const void *attributes, size_t size, unsigned type, size_t *ret_size);
/* The same for text and numbers: false = there is none. */
const char *nft_text(const void *attributes, size_t size, unsigned type);
bool nft_number(const void *attributes, size_t size, unsigned type, uint32_t *ret);

/* Calls fn for each object of that kind until it returns something other than 0, and returns that.
 * The rules of a chain come in order. -EINTR: something changed meanwhile. */
int nft_foreach(NftKind kind, int (*fn)(const NftObject *o, void *userdata), void *userdata);

/* The same for the elements of one set or map: the attributes NFTA_SET_ELEM_… of each. */
int nft_foreach_element(uint8_t family, const char *table, const char *set,
                        int (*fn)(const void *element, size_t size, void *userdata),
                        void *userdata);

/* The same for the one with this key, or whose interval it is in; NULL: for that for all keys that
 * are not in the set; if there is one. -ENOPROTOOPT also if the kernel is too old for this. */
int nft_one_element(uint8_t family, const char *table, const char *set, const void *key,
                    size_t key_size, int (*fn)(const void *element, size_t size, void *userdata),
                    void *userdata);

/* The name of a family in the syntax of nft(8). */
const char *nft_family_name(uint8_t family);
