/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Queries nf_tables over netlink, without a library: short queries that are repeated while a guest
 * is running. All fail with -ENOPROTOOPT if the kernel has no nf_tables, and with -EPERM if it
 * forbids them. */

#include "nat/nft-message.h"

/* The generation: how many transactions this network namespace has seen. As long as it does not
 * change, no table does. */
int nft_generation(uint32_t *ret);

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

/* The generation by a socket of nft_open(). */
int nft_ask_generation(int fd, uint32_t *ret);

/* Calls fn for each object of that kind, by a socket of nft_open(), until it returns something
 * other than 0, and returns that. table: NULL = of all tables; the kernel selects by it only rules,
 * which may be very many, and old kernels not even those, so fn has to look for itself. */
int nft_ask(int fd, NftKind kind, const char *table, int (*fn)(const NftObject *o, void *userdata),
            void *userdata);

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
