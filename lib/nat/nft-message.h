/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The netlink messages of nf_tables. */

#include <linux/netlink.h>
#include <sys/types.h>

#include "basic/macro.h"

typedef union NftBuffer {
        struct nlmsghdr header;
        char bytes[32768]; /* maximum size of one part of a reply */
} NftBuffer;

/* -ENOPROTOOPT: the kernel has no netfilter. */
int nft_open(void);

/* The type in a message's header of an NFT_MSG_… */
unsigned nft_type(uint8_t message);

/* Adds a message without attributes; returns its header. */
struct nlmsghdr *nft_put_message(NftBuffer *b, size_t *size, unsigned type, unsigned flags,
                                 uint8_t family, uint16_t resource);

/* Adds an attribute to the last message, h. If content is NULL, it contains those that are added
 * next, of `size` bytes altogether. */
void nft_put(NftBuffer *b, size_t *at, struct nlmsghdr *h, unsigned type, const void *content,
             size_t size);

/* Receives one part of a reply. */
ssize_t nft_receive(int fd, NftBuffer *b);

/* Returns the attributes of a message, which follow its nf_tables header; NULL = it has no such
 * header. */
const void *nft_body(const struct nlmsghdr *h, size_t *ret_size);

/* Returns the payload of an attribute of that type, its size in *ret_size; NULL = there is none. */
const void *nft_attribute(const void *attributes, size_t size, unsigned type, size_t *ret_size);
/* The same for text and numbers: false = there is none. */
const char *nft_text(const void *attributes, size_t size, unsigned type);
bool nft_number(const void *attributes, size_t size, unsigned type, uint32_t *ret);
