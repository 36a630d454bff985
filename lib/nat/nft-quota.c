/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nft-quota.c - reads and renews quotas of nf_tables. */

#include <arpa/inet.h>
#include <endian.h>
#include <linux/netfilter/nf_tables.h>
#include <sys/socket.h>

#include "basic/cleanup.h"

#include "nat/nft-message.h"
#include "nat/nft-quota.h"

static int read_used(const struct nlmsghdr *h, uint64_t *ret) {
        const void *attributes, *data, *used;
        size_t size, n, length;
        uint64_t number;

        if (h->nlmsg_type == NLMSG_ERROR)
                return ((const struct nlmsgerr *) NLMSG_DATA(h))->error ?: -EPROTO;
        attributes = nft_body(h, &size);
        data = attributes ? nft_attribute(attributes, size, NFTA_OBJ_DATA, &n) : NULL;
        used = data ? nft_attribute(data, n, NFTA_QUOTA_CONSUMED, &length) : NULL;
        if (!used || length != sizeof(number))
                return -EPROTO;
        memcpy(&number, used, sizeof(number));
        *ret = be64toh(number);
        return 0;
}

int nft_quota(uint8_t family, const char *table, const char *name, bool again, uint64_t *ret) {
        const uint32_t type = htonl(NFT_OBJECT_QUOTA);
        _cleanup_close_ int fd = nft_open();
        size_t size = 0;
        NftBuffer b;
        ssize_t n;

        if (fd < 0)
                return fd;
        nft_put_message(&b, &size, nft_type(again ? NFT_MSG_GETOBJ_RESET : NFT_MSG_GETOBJ), 0,
                        family, 0);
        nft_put(&b, &size, &b.header, NFTA_OBJ_TABLE, table, strlen(table) + 1);
        nft_put(&b, &size, &b.header, NFTA_OBJ_NAME, name, strlen(name) + 1);
        nft_put(&b, &size, &b.header, NFTA_OBJ_TYPE, &type, sizeof(type));
        if (send(fd, b.bytes, size, 0) < 0)
                return -errno;
        n = nft_receive(fd, &b);
        if (n < 0)
                return (int) n;
        return NLMSG_OK(&b.header, (size_t) n) ? read_used(&b.header, ret) : -EPROTO;
}
