/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nft-netlink.c - queries the contents of nf_tables. */

#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <sys/socket.h>

#include "basic/cleanup.h"

#include "nat/nft-netlink.h"

/* The kernel's NFT_SET_ELEM_CATCHALL, since 5.13. */
#define ELEMENT_CATCHALL 2

static const struct {
        uint8_t get, new;
} messages[] = {
        [NFT_TABLES] = { NFT_MSG_GETTABLE, NFT_MSG_NEWTABLE },
        [NFT_CHAINS] = { NFT_MSG_GETCHAIN, NFT_MSG_NEWCHAIN },
        [NFT_RULES] = { NFT_MSG_GETRULE, NFT_MSG_NEWRULE },
        [NFT_ELEMENTS] = { NFT_MSG_GETSETELEM, NFT_MSG_NEWSETELEM },
        [NFT_SETS] = { NFT_MSG_GETSET, NFT_MSG_NEWSET },
};

/* In messages of these kinds the first attribute is the name of the table. */
static_assert(NFTA_TABLE_NAME == 1 && NFTA_CHAIN_TABLE == 1 && NFTA_RULE_TABLE == 1, "table names");

/* Classifies a message of a reply: 1 = wanted, 0 = the end, or the kernel's error. */
static int judge(const struct nlmsghdr *h, uint8_t wanted) {
        if (h->nlmsg_flags & NLM_F_DUMP_INTR)
                return -EINTR;
        if (h->nlmsg_type == NLMSG_DONE)
                return 0;
        if (h->nlmsg_type == NLMSG_ERROR) {
                int error = ((const struct nlmsgerr *) NLMSG_DATA(h))->error;

                /* No such subsystem, or one so old that it lacks the query. */
                return error == -EINVAL || error == -EOPNOTSUPP ? -ENOPROTOOPT : error;
        }
        return h->nlmsg_type == nft_type(wanted) ? 1 : -EPROTO;
}

int nft_ask_generation(int fd, uint32_t *ret) {
        const void *attributes;
        size_t size = 0;
        ssize_t n;
        NftBuffer b;
        int r;

        nft_put_message(&b, &size, nft_type(NFT_MSG_GETGEN), 0, NFPROTO_UNSPEC, 0);
        if (send(fd, b.bytes, size, 0) < 0)
                return -errno;
        n = nft_receive(fd, &b);
        if (n < 0)
                return (int) n;
        if (!NLMSG_OK(&b.header, (size_t) n))
                return -EPROTO;
        r = judge(&b.header, NFT_MSG_NEWGEN);
        if (r <= 0)
                return r < 0 ? r : -EPROTO;
        attributes = nft_body(&b.header, &size);
        return attributes && nft_number(attributes, size, NFTA_GEN_ID, ret) ? 0 : -EPROTO;
}

int nft_generation(uint32_t *ret) {
        _cleanup_close_ int fd = nft_open();

        return fd < 0 ? fd : nft_ask_generation(fd, ret);
}

/* Handles one part of a reply: 1 = more follow, 0 = that was all, or what fn returned. */
static int handle_part(const NftBuffer *b, size_t n, NftKind kind, bool *ret_stopped,
                       int (*fn)(const NftObject *o, void *userdata), void *userdata) {
        for (const struct nlmsghdr *h = &b->header; NLMSG_OK(h, n); h = NLMSG_NEXT(h, n)) {
                const struct nfgenmsg *g = NLMSG_DATA(h);
                NftObject o = { .kind = kind };
                int r = judge(h, messages[kind].new);

                if (r <= 0)
                        return r;
                o.attributes = nft_body(h, &o.size);
                o.table = o.attributes ? nft_text(o.attributes, o.size, NFTA_TABLE_NAME) : NULL;
                if (!o.table)
                        return -EPROTO;
                o.family = g->nfgen_family;
                r = fn(&o, userdata);
                if (r != 0) {
                        *ret_stopped = true;
                        return r;
                }
        }
        return 1;
}

int nft_ask(int fd, NftKind kind, const char *table, int (*fn)(const NftObject *o, void *userdata),
            void *userdata) {
        bool stopped = false;
        size_t size = 0;
        NftBuffer b;
        int r;

        nft_put_message(&b, &size, nft_type(messages[kind].get), NLM_F_DUMP, NFPROTO_UNSPEC, 0);
        if (table && kind == NFT_RULES)
                nft_put(&b, &size, &b.header, NFTA_RULE_TABLE, table, strlen(table) + 1);
        if (send(fd, b.bytes, size, 0) < 0)
                return -errno;
        do {
                ssize_t n = nft_receive(fd, &b);

                if (n < 0)
                        return (int) n;
                r = handle_part(&b, (size_t) n, kind, &stopped, fn, userdata);
        } while (r > 0 && !stopped);
        return r;
}

int nft_foreach(NftKind kind, int (*fn)(const NftObject *o, void *userdata), void *userdata) {
        _cleanup_close_ int fd = nft_open();

        return fd < 0 ? fd : nft_ask(fd, kind, NULL, fn, userdata);
}

/* What is called for each element, inside of what is called for each part of the set. */
typedef struct ElementWalk {
        int (*fn)(const void *element, size_t size, void *userdata);
        void *userdata;
} ElementWalk;

static int on_elements(const NftObject *o, void *userdata) {
        const ElementWalk *w = userdata;
        size_t n, size;
        const void *list = nft_attribute(o->attributes, o->size, NFTA_SET_ELEM_LIST_ELEMENTS, &n),
                   *element;

        while (list && (element = nft_attribute(list, n, NFTA_LIST_ELEM, &size))) {
                const char *end = (const char *) element + NLA_ALIGN(size);
                int r = w->fn(element, size, w->userdata);

                if (r != 0)
                        return r;
                n -= MIN(n, (size_t) (end - (const char *) list));
                list = end;
        }
        return 0;
}

static size_t put_set(NftBuffer *b, unsigned flags, uint8_t family, const char *table,
                      const char *set) {
        size_t size = 0;

        nft_put_message(b, &size, nft_type(messages[NFT_ELEMENTS].get), flags, family, 0);
        nft_put(b, &size, &b->header, NFTA_SET_ELEM_LIST_TABLE, table, strlen(table) + 1);
        nft_put(b, &size, &b->header, NFTA_SET_ELEM_LIST_SET, set, strlen(set) + 1);
        return size;
}

/* The reply ends with NLMSG_DONE, or with an acknowledgement. */
static int ask_elements(NftBuffer *b, size_t size,
                        int (*fn)(const void *element, size_t size, void *userdata),
                        void *userdata) {
        ElementWalk w = { .fn = fn, .userdata = userdata };
        _cleanup_close_ int fd = nft_open();
        bool stopped = false;
        int r;

        if (fd < 0)
                return fd;
        if (send(fd, b->bytes, size, 0) < 0)
                return -errno;
        do {
                ssize_t n = nft_receive(fd, b);

                if (n < 0)
                        return (int) n;
                r = handle_part(b, (size_t) n, NFT_ELEMENTS, &stopped, on_elements, &w);
        } while (r > 0 && !stopped);
        return r;
}

int nft_foreach_element(uint8_t family, const char *table, const char *set,
                        int (*fn)(const void *element, size_t size, void *userdata),
                        void *userdata) {
        NftBuffer b;

        return ask_elements(&b, put_set(&b, NLM_F_DUMP, family, table, set), fn, userdata);
}

int nft_one_element(uint8_t family, const char *table, const char *set, const void *key,
                    size_t key_size, int (*fn)(const void *element, size_t size, void *userdata),
                    void *userdata) {
        const uint32_t flags = htonl(ELEMENT_CATCHALL);
        NftBuffer b;
        size_t size = put_set(&b, NLM_F_ACK, family, table, set),
               inner = key ? 2 * NLA_HDRLEN + NLA_ALIGN(key_size) : NLA_HDRLEN + sizeof(flags);
        int r;

        nft_put(&b, &size, &b.header, NFTA_SET_ELEM_LIST_ELEMENTS, NULL, NLA_HDRLEN + inner);
        nft_put(&b, &size, &b.header, NFTA_LIST_ELEM, NULL, inner);
        if (key) {
                nft_put(&b, &size, &b.header, NFTA_SET_ELEM_KEY, NULL, inner - NLA_HDRLEN);
                nft_put(&b, &size, &b.header, NFTA_DATA_VALUE, key, key_size);
        } else
                nft_put(&b, &size, &b.header, NFTA_SET_ELEM_FLAGS, &flags, sizeof(flags));
        r = ask_elements(&b, size, fn, userdata);
        return r == -ENOENT ? 0 : r;
}

const char *nft_family_name(uint8_t family) {
        static const char *const names[] = {
                [NFPROTO_INET] = "inet",     [NFPROTO_IPV4] = "ip",       [NFPROTO_ARP] = "arp",
                [NFPROTO_NETDEV] = "netdev", [NFPROTO_BRIDGE] = "bridge", [NFPROTO_IPV6] = "ip6",
        };

        return family < ARRAY_SIZE(names) && names[family] ? names[family] : "?";
}
