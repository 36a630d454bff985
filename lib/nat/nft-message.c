/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nft-message.c - builds and takes apart the netlink messages of nf_tables. */

#include <arpa/inet.h>
#include <linux/netfilter/nfnetlink.h>
#include <sys/socket.h>

#include "nat/nft-message.h"

int nft_open(void) {
        int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);

        if (fd >= 0)
                return fd;
        return errno == EPROTONOSUPPORT || errno == EAFNOSUPPORT ? -ENOPROTOOPT : -errno;
}

struct nlmsghdr *nft_put_message(NftBuffer *b, size_t *size, unsigned type, unsigned flags,
                                 uint8_t family, uint16_t resource) {
        struct nlmsghdr *h = (struct nlmsghdr *) (b->bytes + *size);
        struct nfgenmsg *g = NLMSG_DATA(h);

        *h = (struct nlmsghdr){ .nlmsg_len = NLMSG_LENGTH(sizeof(*g)),
                                .nlmsg_type = (uint16_t) type,
                                .nlmsg_flags = (uint16_t) (NLM_F_REQUEST | flags) };
        *g = (struct nfgenmsg){ .nfgen_family = family,
                                .version = NFNETLINK_V0,
                                .res_id = htons(resource) };
        *size += NLMSG_ALIGN(h->nlmsg_len);
        return h;
}

unsigned nft_type(uint8_t message) {
        return NFNL_SUBSYS_NFTABLES << 8 | message;
}

ssize_t nft_receive(int fd, NftBuffer *b) {
        ssize_t n;

        do
                n = recv(fd, b->bytes, sizeof(b->bytes), 0);
        while (n < 0 && errno == EINTR);
        return n < 0 ? -errno : n;
}

void nft_put(NftBuffer *b, size_t *at, struct nlmsghdr *h, unsigned type, const void *content,
             size_t size) {
        struct nlattr *a = (struct nlattr *) (b->bytes + *at);
        size_t padded = content ? NLA_ALIGN(size) : 0;

        *a = (struct nlattr){ .nla_len = (uint16_t) (NLA_HDRLEN + size),
                              .nla_type = (uint16_t) (type | (content ? 0 : NLA_F_NESTED)) };
        if (content) {
                memset(a + 1, 0, padded);
                memcpy(a + 1, content, size);
        }
        *at += NLA_HDRLEN + padded;
        h->nlmsg_len = (uint32_t) (b->bytes + *at - (char *) h);
}

const void *nft_attribute(const void *attributes, size_t size, unsigned type, size_t *ret_size) {
        const struct nlattr *a = attributes;

        while (size >= sizeof(*a) && a->nla_len >= sizeof(*a) && a->nla_len <= size) {
                if ((a->nla_type & NLA_TYPE_MASK) == type) {
                        *ret_size = a->nla_len - sizeof(*a);
                        return a + 1;
                }
                size -= MIN(size, (size_t) NLA_ALIGN(a->nla_len));
                a = (const struct nlattr *) ((const char *) a + NLA_ALIGN(a->nla_len));
        }
        return NULL;
}

const char *nft_text(const void *attributes, size_t size, unsigned type) {
        size_t n;
        const char *text = nft_attribute(attributes, size, type, &n);

        return text && memchr(text, '\0', n) ? text : NULL;
}

bool nft_number(const void *attributes, size_t size, unsigned type, uint32_t *ret) {
        uint32_t number;
        size_t n;
        const void *payload = nft_attribute(attributes, size, type, &n);

        if (!payload || n != sizeof(number))
                return false;
        memcpy(&number, payload, sizeof(number));
        *ret = ntohl(number);
        return true;
}

const void *nft_body(const struct nlmsghdr *h, size_t *ret_size) {
        if (h->nlmsg_len < NLMSG_SPACE(sizeof(struct nfgenmsg)))
                return NULL;
        *ret_size = h->nlmsg_len - NLMSG_SPACE(sizeof(struct nfgenmsg));
        return (const char *) NLMSG_DATA(h) + NLMSG_ALIGN(sizeof(struct nfgenmsg));
}
