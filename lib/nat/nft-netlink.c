/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nft-netlink.c - queries the contents of nf_tables, and deletes tables. */

#include <arpa/inet.h>
#include <endian.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <sys/socket.h>

#include "basic/cleanup.h"
#include "basic/hash.h"

#include "nat/nft-netlink.h"

#define BUFFER_SIZE   32768 /* maximum size of one part of a reply */
#define LOOK_ATTEMPTS 5

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

typedef union Buffer {
        struct nlmsghdr header;
        char bytes[BUFFER_SIZE];
} Buffer;

/* ---- messages ---- */

static int nft_open(void) {
        int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);

        if (fd >= 0)
                return fd;
        return errno == EPROTONOSUPPORT || errno == EAFNOSUPPORT ? -ENOPROTOOPT : -errno;
}

/* Adds a message without attributes; returns its header. */
static struct nlmsghdr *put_message(Buffer *b, size_t *size, unsigned type, unsigned flags,
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

static unsigned nft_type(uint8_t message) {
        return NFNL_SUBSYS_NFTABLES << 8 | message;
}

static ssize_t receive(int fd, Buffer *b) {
        ssize_t n;

        do
                n = recv(fd, b->bytes, sizeof(b->bytes), 0);
        while (n < 0 && errno == EINTR);
        return n < 0 ? -errno : n;
}

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

/* Returns the attributes of a message, which follow its nf_tables header. */
static const void *body(const struct nlmsghdr *h, size_t *ret_size) {
        if (h->nlmsg_len < NLMSG_SPACE(sizeof(struct nfgenmsg)))
                return NULL;
        *ret_size = h->nlmsg_len - NLMSG_SPACE(sizeof(struct nfgenmsg));
        return (const char *) NLMSG_DATA(h) + NLMSG_ALIGN(sizeof(struct nfgenmsg));
}

/* ---- queries ---- */

static int ask_generation(int fd, uint32_t *ret) {
        const void *attributes;
        size_t size = 0;
        ssize_t n;
        Buffer b;
        int r;

        put_message(&b, &size, nft_type(NFT_MSG_GETGEN), 0, NFPROTO_UNSPEC, 0);
        if (send(fd, b.bytes, size, 0) < 0)
                return -errno;
        n = receive(fd, &b);
        if (n < 0)
                return (int) n;
        if (!NLMSG_OK(&b.header, (size_t) n))
                return -EPROTO;
        r = judge(&b.header, NFT_MSG_NEWGEN);
        if (r <= 0)
                return r < 0 ? r : -EPROTO;
        attributes = body(&b.header, &size);
        return attributes && nft_number(attributes, size, NFTA_GEN_ID, ret) ? 0 : -EPROTO;
}

int nft_generation(uint32_t *ret) {
        _cleanup_close_ int fd = nft_open();

        return fd < 0 ? fd : ask_generation(fd, ret);
}

/* Handles one part of a reply: 1 = more follow, 0 = that was all, or what fn returned. */
static int handle_part(const Buffer *b, size_t n, NftKind kind, bool *ret_stopped,
                       int (*fn)(const NftObject *o, void *userdata), void *userdata) {
        for (const struct nlmsghdr *h = &b->header; NLMSG_OK(h, n); h = NLMSG_NEXT(h, n)) {
                const struct nfgenmsg *g = NLMSG_DATA(h);
                NftObject o = { .kind = kind };
                int r = judge(h, messages[kind].new);

                if (r <= 0)
                        return r;
                o.attributes = body(h, &o.size);
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

/* Adds a text to the only message so far. */
static void put_text(Buffer *b, size_t *size, unsigned type, const char *text) {
        struct nlattr *a = (struct nlattr *) (b->bytes + *size);

        *a = (struct nlattr){ .nla_len = (uint16_t) (NLA_HDRLEN + strlen(text) + 1),
                              .nla_type = (uint16_t) type };
        strcpy((char *) a + NLA_HDRLEN, text);
        *size += NLA_ALIGN(a->nla_len);
        b->header.nlmsg_len = (uint32_t) *size;
}

/* table: NULL = of all tables. Only rules are selected by the kernel, which may have very many; and
 * not by old kernels, so fn has to look for itself. */
static int ask_all(int fd, NftKind kind, const char *table,
                   int (*fn)(const NftObject *o, void *userdata), void *userdata) {
        bool stopped = false;
        size_t size = 0;
        Buffer b;
        int r;

        put_message(&b, &size, nft_type(messages[kind].get), NLM_F_DUMP, NFPROTO_UNSPEC, 0);
        if (table && kind == NFT_RULES)
                put_text(&b, &size, NFTA_RULE_TABLE, table);
        if (send(fd, b.bytes, size, 0) < 0)
                return -errno;
        do {
                ssize_t n = receive(fd, &b);

                if (n < 0)
                        return (int) n;
                r = handle_part(&b, (size_t) n, kind, &stopped, fn, userdata);
        } while (r > 0 && !stopped);
        return r;
}

int nft_foreach(NftKind kind, int (*fn)(const NftObject *o, void *userdata), void *userdata) {
        _cleanup_close_ int fd = nft_open();

        return fd < 0 ? fd : ask_all(fd, kind, NULL, fn, userdata);
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

static size_t put_set(Buffer *b, unsigned flags, uint8_t family, const char *table,
                      const char *set) {
        size_t size = 0;

        put_message(b, &size, nft_type(messages[NFT_ELEMENTS].get), flags, family, 0);
        put_text(b, &size, NFTA_SET_ELEM_LIST_TABLE, table);
        put_text(b, &size, NFTA_SET_ELEM_LIST_SET, set);
        return size;
}

/* The reply ends with NLMSG_DONE, or with an acknowledgement. */
static int ask_elements(Buffer *b, size_t size,
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
                ssize_t n = receive(fd, b);

                if (n < 0)
                        return (int) n;
                r = handle_part(b, (size_t) n, NFT_ELEMENTS, &stopped, on_elements, &w);
        } while (r > 0 && !stopped);
        return r;
}

int nft_foreach_element(uint8_t family, const char *table, const char *set,
                        int (*fn)(const void *element, size_t size, void *userdata),
                        void *userdata) {
        Buffer b;

        return ask_elements(&b, put_set(&b, NLM_F_DUMP, family, table, set), fn, userdata);
}

/* Adds an attribute, which contains the next one if content is NULL: of `size` bytes then. */
static void put_attribute(Buffer *b, size_t *at, unsigned type, const void *content, size_t size) {
        struct nlattr *a = (struct nlattr *) (b->bytes + *at);

        *a = (struct nlattr){ .nla_len = (uint16_t) (NLA_HDRLEN + size),
                              .nla_type = (uint16_t) (type | (content ? 0 : NLA_F_NESTED)) };
        *at += NLA_HDRLEN;
        if (!content)
                return;
        memset(a + 1, 0, NLA_ALIGN(size));
        memcpy(a + 1, content, size);
        *at += NLA_ALIGN(size);
}

int nft_one_element(uint8_t family, const char *table, const char *set, const void *key,
                    size_t key_size, int (*fn)(const void *element, size_t size, void *userdata),
                    void *userdata) {
        const uint32_t flags = htonl(ELEMENT_CATCHALL);
        Buffer b;
        size_t size = put_set(&b, NLM_F_ACK, family, table, set),
               inner = key ? 2 * NLA_HDRLEN + NLA_ALIGN(key_size) : NLA_HDRLEN + sizeof(flags);
        int r;

        put_attribute(&b, &size, NFTA_SET_ELEM_LIST_ELEMENTS, NULL, NLA_HDRLEN + inner);
        put_attribute(&b, &size, NFTA_LIST_ELEM, NULL, inner);
        if (key) {
                put_attribute(&b, &size, NFTA_SET_ELEM_KEY, NULL, inner - NLA_HDRLEN);
                put_attribute(&b, &size, NFTA_DATA_VALUE, key, key_size);
        } else
                put_attribute(&b, &size, NFTA_SET_ELEM_FLAGS, &flags, sizeof(flags));
        b.header.nlmsg_len = (uint32_t) size;
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

/* ---- one table ---- */

typedef struct Print {
        const char *table;
        uint64_t hash;
        unsigned families; /* families that have such a table: 1 << NFPROTO_… */
} Print;

static void add_bytes(Print *p, const void *data, size_t size) {
        p->hash = hash_bytes(p->hash, data, size);
}

/* Counters change with every packet, so only their presence is hashed. */
static void add_expressions(Print *p, const void *list, size_t size) {
        const struct nlattr *a = list;

        while (size >= sizeof(*a) && a->nla_len >= sizeof(*a) && a->nla_len <= size) {
                const char *name = nft_text(a + 1, a->nla_len - sizeof(*a), NFTA_EXPR_NAME);

                if (name && streq(name, "counter"))
                        add_bytes(p, name, strlen(name));
                else
                        add_bytes(p, a, a->nla_len);
                size -= MIN(size, (size_t) NLA_ALIGN(a->nla_len));
                a = (const struct nlattr *) ((const char *) a + NLA_ALIGN(a->nla_len));
        }
}

static int add_object(const NftObject *o, void *userdata) {
        const char *attributes = o->attributes, *expressions;
        Print *p = userdata;
        size_t n;

        if (!streq(o->table, p->table))
                return 0;
        p->families |= 1U << o->family;
        add_bytes(p, &o->family, sizeof(o->family));
        expressions = o->kind == NFT_RULES
                              ? nft_attribute(attributes, o->size, NFTA_RULE_EXPRESSIONS, &n)
                              : NULL;
        if (!expressions) {
                add_bytes(p, attributes, o->size);
                return 0;
        }
        add_bytes(p, attributes, (size_t) (expressions - attributes));
        add_expressions(p, expressions, n);
        n += (size_t) (expressions - attributes);
        add_bytes(p, attributes + n, o->size - n);
        return 0;
}

static int look(int fd, const char *table, NftLook *ret) {
        Print p = { .table = table, .hash = HASH_BASIS };
        uint32_t before, after;
        int r = ask_generation(fd, &before);

        for (NftKind k = 0; r >= 0 && k < NFT_KIND_MAX; k++)
                r = ask_all(fd, k, table, add_object, &p);
        if (r >= 0)
                r = ask_generation(fd, &after);
        if (r < 0)
                return r;
        if (before != after)
                return -EINTR;
        *ret = (NftLook){ .generation = after, .families = p.families, .fingerprint = p.hash };
        return 0;
}

int nft_look(const char *table, NftLook *ret) {
        int r = -EINTR;

        for (int i = 0; i < LOOK_ATTEMPTS && r == -EINTR; i++) {
                /* Opens a new socket: the rest of a reply goes with the old one. */
                _cleanup_close_ int fd = nft_open();

                r = fd < 0 ? fd : look(fd, table, ret);
        }
        return r == -EINTR ? -EAGAIN : r;
}

typedef struct CounterSearch {
        uint8_t family;
        const char *table, *chain;
        size_t place;
        uint64_t packets;
} CounterSearch;

/* 1 = found. */
static int read_counter(const NftObject *rule, uint64_t *ret) {
        size_t n, size, data_size;
        const char *list = nft_attribute(rule->attributes, rule->size, NFTA_RULE_EXPRESSIONS, &n);
        const char *e;

        while (list && (e = nft_attribute(list, n, NFTA_LIST_ELEM, &size))) {
                const char *name = nft_text(e, size, NFTA_EXPR_NAME);
                const void *data = nft_attribute(e, size, NFTA_EXPR_DATA, &data_size), *packets;

                if (name && data && streq(name, "counter") &&
                    (packets = nft_attribute(data, data_size, NFTA_COUNTER_PACKETS, &size)) &&
                    size == sizeof(*ret)) {
                        memcpy(ret, packets, sizeof(*ret));
                        *ret = be64toh(*ret);
                        return 1;
                }
                n -= MIN(n, (size_t) (e + NLA_ALIGN(size) - list));
                list = e + NLA_ALIGN(size);
        }
        return -ENOENT;
}

static int find_counter(const NftObject *o, void *userdata) {
        const char *chain = nft_text(o->attributes, o->size, NFTA_RULE_CHAIN);
        CounterSearch *s = userdata;

        if (o->family != s->family || !streq(o->table, s->table) || !chain ||
            !streq(chain, s->chain))
                return 0;
        return s->place-- == 0 ? read_counter(o, &s->packets) : 0;
}

int nft_packets(uint8_t family, const char *table, const char *chain, size_t place, uint64_t *ret) {
        CounterSearch s;
        int r = -EINTR;

        for (int i = 0; i < LOOK_ATTEMPTS && r == -EINTR; i++) {
                s = (CounterSearch){
                        .family = family, .table = table, .chain = chain, .place = place
                };
                r = nft_foreach(NFT_RULES, find_counter, &s);
        }
        if (r <= 0)
                return r == 0 ? -ENOENT : r;
        *ret = s.packets;
        return 0;
}

static void put_name(Buffer *b, size_t *size, struct nlmsghdr *h, const char *name) {
        struct nlattr *a = (struct nlattr *) (b->bytes + *size);

        *a = (struct nlattr){ .nla_len = (uint16_t) (NLA_HDRLEN + strlen(name) + 1),
                              .nla_type = NFTA_TABLE_NAME };
        memset(a + 1, 0, NLA_ALIGN(strlen(name) + 1));
        memcpy(a + 1, name, strlen(name));
        h->nlmsg_len += NLA_ALIGN(a->nla_len);
        *size += NLA_ALIGN(a->nla_len);
}

/* 0 when this many messages have been acknowledged, or the first error. */
static int await_acks(int fd, size_t wanted) {
        for (size_t seen = 0; seen < wanted;) {
                Buffer b;
                ssize_t n = receive(fd, &b);

                if (n < 0)
                        return (int) n;
                for (const struct nlmsghdr *h = &b.header; NLMSG_OK(h, n); h = NLMSG_NEXT(h, n)) {
                        const struct nlmsgerr *e = NLMSG_DATA(h);

                        if (h->nlmsg_type != NLMSG_ERROR || e->error != 0)
                                return h->nlmsg_type == NLMSG_ERROR ? e->error : -EPROTO;
                        seen++;
                }
        }
        return 0;
}

/* If generation is not 0, only while it is that one: else -ERESTART. Old kernels do not check. */
static size_t begin_batch(Buffer *b, uint32_t generation) {
        size_t size = 0;
        struct nlmsghdr *h = put_message(b, &size, NFNL_MSG_BATCH_BEGIN, 0, NFPROTO_UNSPEC,
                                         NFNL_SUBSYS_NFTABLES);
        struct nlattr *a = (struct nlattr *) (b->bytes + size);

        if (generation == 0)
                return size;
        generation = htonl(generation);
        *a = (struct nlattr){ .nla_len = NLA_HDRLEN + sizeof(generation),
                              .nla_type = NFNL_BATCH_GENID };
        memcpy(a + 1, &generation, sizeof(generation));
        h->nlmsg_len += a->nla_len;
        return size + a->nla_len;
}

/* 1 = removed. */
static int delete_tables(const char *table, unsigned families, uint32_t generation) {
        _cleanup_close_ int fd = nft_open();
        size_t size, n = 0;
        Buffer b;
        int r;

        if (fd < 0)
                return fd;
        size = begin_batch(&b, generation);
        for (uint8_t family = 0; family < NFPROTO_NUMPROTO; family++) {
                struct nlmsghdr *h;

                if (!(families & 1U << family))
                        continue;
                h = put_message(&b, &size, nft_type(NFT_MSG_DELTABLE), NLM_F_ACK, family, 0);
                put_name(&b, &size, h, table);
                n++;
        }
        put_message(&b, &size, NFNL_MSG_BATCH_END, 0, NFPROTO_UNSPEC, NFNL_SUBSYS_NFTABLES);
        if (send(fd, b.bytes, size, 0) < 0)
                return -errno;
        r = await_acks(fd, n);
        return r < 0 ? r : 1;
}

int nft_delete(const char *table) {
        NftLook look;
        int r = nft_look(table, &look);

        if (r < 0 || look.families == 0)
                return r == -ENOPROTOOPT ? 0 : r; /* if there can be none, there is none */
        return delete_tables(table, look.families, 0);
}

typedef struct Idle {
        const char *table, *prefix;
        bool there, needed;
} Idle;

static int look_if_idle(const NftObject *o, void *userdata) {
        bool is_table = o->kind == NFT_TABLES;
        Idle *s = userdata;
        uint32_t use;

        if (strncmp(o->table, s->prefix, strlen(s->prefix)) == 0)
                s->needed = true;
        if (o->family != NFPROTO_INET || !streq(o->table, s->table))
                return 0;
        s->there = true;
        /* Of a table: chains, sets and the like; of a chain: rules, and jumps to it. */
        if (!nft_number(o->attributes, o->size, is_table ? NFTA_TABLE_USE : NFTA_CHAIN_USE, &use) ||
            use > is_table)
                s->needed = true;
        return 0;
}

int nft_delete_idle(const char *table, const char *prefix) {
        Idle s = { .table = table, .prefix = prefix };
        uint32_t generation;
        int r = nft_generation(&generation);

        if (r >= 0)
                r = nft_foreach(NFT_TABLES, look_if_idle, &s);
        if (r >= 0 && s.there && !s.needed)
                r = nft_foreach(NFT_CHAINS, look_if_idle, &s);
        if (r >= 0 && s.there && !s.needed)
                r = delete_tables(table, 1U << NFPROTO_INET, generation);
        /* Whoever changed something meanwhile may need it; and it does no harm. */
        return r == -ENOPROTOOPT || r == -EINTR || r == -ERESTART ? 0 : r;
}
