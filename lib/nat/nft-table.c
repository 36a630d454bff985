/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nft-table.c - compares, counts in and deletes the table of a guest. */

#include <arpa/inet.h>
#include <endian.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <sys/socket.h>

#include "basic/cleanup.h"
#include "basic/hash.h"

#include "nat/nft-netlink.h"
#include "nat/nft-table.h"

#define LOOK_ATTEMPTS 5

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
        int r = nft_ask_generation(fd, &before);

        for (NftKind k = 0; r >= 0 && k < NFT_KIND_MAX; k++)
                r = nft_ask(fd, k, table, add_object, &p);
        if (r >= 0)
                r = nft_ask_generation(fd, &after);
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
        NatCount count;
} CounterSearch;

static uint64_t read_number(const void *data, size_t data_size, uint16_t type) {
        uint64_t number = 0;
        size_t size;
        const void *value = nft_attribute(data, data_size, type, &size);

        if (value && size == sizeof(number))
                memcpy(&number, value, sizeof(number));
        return be64toh(number);
}

/* 1 = found. */
static int read_counter(const NftObject *rule, NatCount *ret) {
        size_t n, size, data_size;
        const char *list = nft_attribute(rule->attributes, rule->size, NFTA_RULE_EXPRESSIONS, &n);
        const char *e;

        while (list && (e = nft_attribute(list, n, NFTA_LIST_ELEM, &size))) {
                const char *name = nft_text(e, size, NFTA_EXPR_NAME);
                const void *data = nft_attribute(e, size, NFTA_EXPR_DATA, &data_size);

                if (name && data && streq(name, "counter")) {
                        ret->packets = read_number(data, data_size, NFTA_COUNTER_PACKETS);
                        ret->bytes = read_number(data, data_size, NFTA_COUNTER_BYTES);
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
        return s->place-- == 0 ? read_counter(o, &s->count) : 0;
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
        *ret = s.count.packets;
        return 0;
}

typedef struct CounterList {
        uint8_t family;
        const char *table, *chain;
        NatCount *counts;
        size_t i, n;
} CounterList;

static int take_counter(const NftObject *o, void *userdata) {
        const char *chain = nft_text(o->attributes, o->size, NFTA_RULE_CHAIN);
        CounterList *l = userdata;

        if (o->family != l->family || !streq(o->table, l->table) || !chain ||
            !streq(chain, l->chain) || l->i == l->n)
                return 0;
        (void) read_counter(o, &l->counts[l->i++]);
        return 0;
}

int nft_counts(uint8_t family, const char *table, const char *chain, NatCount *ret, size_t n) {
        _cleanup_close_ int fd = nft_open();
        CounterList l = { family, table, chain, ret, 0, n };
        int r = fd < 0 ? fd : -EINTR;

        for (int i = 0; i < LOOK_ATTEMPTS && r == -EINTR; i++) {
                memset(ret, 0, n * sizeof(*ret));
                l.i = 0;
                r = nft_ask(fd, NFT_RULES, table, take_counter, &l);
        }
        return r;
}

/* 0 when this many messages have been acknowledged, or the first error. */
static int await_acks(int fd, size_t wanted) {
        for (size_t seen = 0; seen < wanted;) {
                NftBuffer b;
                ssize_t n = nft_receive(fd, &b);

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
static size_t begin_batch(NftBuffer *b, uint32_t generation) {
        size_t size = 0;
        struct nlmsghdr *h = nft_put_message(b, &size, NFNL_MSG_BATCH_BEGIN, 0, NFPROTO_UNSPEC,
                                             NFNL_SUBSYS_NFTABLES);

        if (generation != 0) {
                generation = htonl(generation);
                nft_put(b, &size, h, NFNL_BATCH_GENID, &generation, sizeof(generation));
        }
        return size;
}

/* What of a guest's table and the one that guests share is to go. */
typedef struct Removal {
        const char *table, *shared, *prefix;
        unsigned families; /* families that have such a table: 1 << NFPROTO_… */
        bool shared_there, shared_needed;
} Removal;

static int look_at_table(const NftObject *o, void *userdata) {
        Removal *m = userdata;
        uint32_t use;

        if (streq(o->table, m->table))
                m->families |= 1U << o->family;
        else if (m->shared && startswith(o->table, m->prefix))
                m->shared_needed = true; /* by another guest */
        else if (m->shared && o->family == NFPROTO_INET && streq(o->table, m->shared)) {
                m->shared_there = true;
                /* What it contains: its one chain, or somebody's sets and chains, too. */
                if (!nft_number(o->attributes, o->size, NFTA_TABLE_USE, &use) || use > 1)
                        m->shared_needed = true;
        }
        return 0;
}

/* The chain has somebody's rules, or jumps to it. */
static int look_at_chain(const NftObject *o, void *userdata) {
        Removal *m = userdata;
        uint32_t use;

        if (o->family == NFPROTO_INET && streq(o->table, m->shared) &&
            (!nft_number(o->attributes, o->size, NFTA_CHAIN_USE, &use) || use > 0))
                m->shared_needed = true;
        return 0;
}

static size_t put_deletion(NftBuffer *b, size_t *size, uint8_t family, const char *table) {
        struct nlmsghdr *h =
                nft_put_message(b, size, nft_type(NFT_MSG_DELTABLE), NLM_F_ACK, family, 0);

        nft_put(b, size, h, NFTA_TABLE_NAME, table, strlen(table) + 1);
        return 1;
}

/* The shared table goes only if nothing has changed since that generation: else -ERESTART. */
static int delete_tables(const Removal *m, uint32_t generation) {
        bool with_shared = m->shared_there && !m->shared_needed;
        _cleanup_close_ int fd = nft_open();
        size_t size, n = 0;
        NftBuffer b;

        if (fd < 0 || (m->families == 0 && !with_shared))
                return MIN(fd, 0);
        size = begin_batch(&b, with_shared ? generation : 0);
        for (uint8_t family = 0; family < NFPROTO_NUMPROTO; family++)
                if (m->families & 1U << family)
                        n += put_deletion(&b, &size, family, m->table);
        if (with_shared)
                n += put_deletion(&b, &size, NFPROTO_INET, m->shared);
        nft_put_message(&b, &size, NFNL_MSG_BATCH_END, 0, NFPROTO_UNSPEC, NFNL_SUBSYS_NFTABLES);
        return send(fd, b.bytes, size, 0) < 0 ? -errno : await_acks(fd, n);
}

static int delete_once(Removal *m) {
        uint32_t generation;
        int r = nft_generation(&generation);

        if (r >= 0)
                r = nft_foreach(NFT_TABLES, look_at_table, m);
        if (r >= 0 && m->shared_there && !m->shared_needed)
                r = nft_foreach(NFT_CHAINS, look_at_chain, m);
        return r < 0 ? r : delete_tables(m, generation);
}

int nft_delete(const char *table, const char *shared, const char *prefix) {
        Removal m;
        int r = -EINTR;

        for (int i = 0; i < LOOK_ATTEMPTS && (r == -EINTR || r == -ERESTART); i++) {
                /* If tables keep changing, the shared one stays, which does no harm. */
                bool last = i == LOOK_ATTEMPTS - 1;

                m = (Removal){ .table = table, .shared = last ? NULL : shared, .prefix = prefix };
                r = delete_once(&m);
        }
        if (r < 0) /* if there can be none, there is none */
                return r == -ENOPROTOOPT ? 0 : r == -EINTR ? -EAGAIN : r;
        return m.families != 0;
}
