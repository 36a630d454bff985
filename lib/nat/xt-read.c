/* SPDX-License-Identifier: GPL-2.0-or-later */
/* xt-read.c - a legacy table as one block of memory, for reading only.
 *
 * The block is a sequence of entries. Where each built-in chain begins and where its policy is,
 * which is its last entry, the kernel says beside it. A user-defined chain is a head, an entry with
 * the target ERROR and the name of the chain, then its rules and a RETURN. One more ERROR ends the
 * table. A jump is a target with the offset of the first rule of a chain. */

#include <sys/socket.h>

#include "basic/cleanup.h"
#include "basic/hash.h"

#include "nat/blob.h"
#include "nat/xt-read.h"

#include <linux/netfilter.h>

#define READ_ATTEMPTS 5

/* The differences between the families. */
typedef struct Layout {
        int domain, level, get_info, get_entries;
        size_t head, target_offset, next_offset, counters;
} Layout;

#define LAYOUT(entry)                                                                              \
        .head = sizeof(struct entry), .target_offset = offsetof(struct entry, target_offset),      \
        .next_offset = offsetof(struct entry, next_offset),                                        \
        .counters = offsetof(struct entry, counters)

static const Layout layouts[NAT_FAMILY_MAX] = {
        [NAT_IPV4] = { AF_INET, IPPROTO_IP, IPT_SO_GET_INFO, IPT_SO_GET_ENTRIES,
                       LAYOUT(ipt_entry) },
        [NAT_IPV6] = { AF_INET6, IPPROTO_IPV6, IP6T_SO_GET_INFO, IP6T_SO_GET_ENTRIES,
                       LAYOUT(ip6t_entry) },
};

/* Requests and answers have the same format in both families. */
static_assert(sizeof(struct ipt_getinfo) == sizeof(struct ip6t_getinfo), "information of a table");
static_assert(offsetof(struct ipt_get_entries, entrytable) ==
                      offsetof(struct ip6t_get_entries, entrytable),
              "entries of a table");
#define ENTRIES_HEAD offsetof(struct ipt_get_entries, entrytable)

static const char *const hook_names[NF_INET_NUMHOOKS] = {
        [NF_INET_PRE_ROUTING] = "PREROUTING",   [NF_INET_LOCAL_IN] = "INPUT",
        [NF_INET_FORWARD] = "FORWARD",          [NF_INET_LOCAL_OUT] = "OUTPUT",
        [NF_INET_POST_ROUTING] = "POSTROUTING",
};

const char *xt_table_name(NatTable table) {
        static const char *const names[NAT_TABLE_MAX] = {
                [NAT_TABLE_FILTER] = "filter",
                [NAT_TABLE_NAT] = "nat",
                [NAT_TABLE_MANGLE] = "mangle",
        };

        return names[table];
}

typedef struct Chain {
        const char *name;
        size_t first;  /* offset of the first rule */
        size_t policy; /* offset of the policy, if built in */
        bool builtin;
} Chain;

typedef struct Snapshot {
        const Layout *layout;
        struct ipt_getinfo info;
        char *entries;
        size_t size;
        Chain *chains; /* sorted by offset */
        size_t n_chains, n_allocated;
        size_t next; /* for next_chain() */
} Snapshot;

static void snapshot_free(Snapshot *s) {
        if (!s)
                return;
        free(s->entries);
        free(s->chains);
        free(s);
}

static void snapshot_freep(Snapshot **s) {
        snapshot_free(*s);
}

/* The handle of the common interface is opaque: to this reader it is a Snapshot. */
static Snapshot *snapshot_of(struct xtc_handle *h) {
        return (Snapshot *) h;
}

/* ---- requests ---- */

static int open_socket(const Layout *l) {
        return RET_NERRNO(socket(l->domain, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW));
}

static int ask_info(int fd, const Layout *l, const char *table, struct ipt_getinfo *ret) {
        socklen_t size = sizeof(*ret);

        *ret = (struct ipt_getinfo){};
        strncpy(ret->name, table, sizeof(ret->name) - 1);
        return RET_NERRNO(getsockopt(fd, l->level, l->get_info, ret, &size));
}

/* -EAGAIN: the size of the table has changed since. */
static int ask_entries(int fd, Snapshot *s) {
        socklen_t size = (socklen_t) (ENTRIES_HEAD + s->info.size);
        _cleanup_free_ struct ipt_get_entries *answer = malloc(size);

        if (!answer)
                return -ENOMEM;
        memset(answer, 0, ENTRIES_HEAD);
        strncpy(answer->name, s->info.name, sizeof(answer->name) - 1);
        answer->size = s->info.size;
        if (getsockopt(fd, s->layout->level, s->layout->get_entries, answer, &size) < 0)
                return -errno;
        s->size = s->info.size;
        free(s->entries);
        s->entries = (char *) TAKE_PTR(answer);
        return 0;
}

int xt_shapes(NatFamily family, unsigned wanted, uint64_t ret[static NAT_TABLE_MAX]) {
        const Layout *l = &layouts[family];
        _cleanup_close_ int fd = wanted ? open_socket(l) : -EBADF;

        memset(ret, 0, NAT_TABLE_MAX * sizeof(*ret));
        if (wanted && fd < 0)
                return fd;
        for (NatTable t = 0; t < NAT_TABLE_MAX; t++) {
                struct ipt_getinfo info;
                int r;

                if (!(wanted & 1U << t))
                        continue;
                r = ask_info(fd, l, xt_table_name(t), &info);
                if (r < 0)
                        return r;
                ret[t] = hash_bytes(HASH_BASIS, &info, sizeof(info));
        }
        return 0;
}

/* ---- entries ---- */

static const char *entry_at(const Snapshot *s, size_t offset) {
        return s->entries + ENTRIES_HEAD + offset;
}

static size_t offset_of(const Snapshot *s, const void *entry) {
        return (size_t) ((const char *) entry - entry_at(s, 0));
}

static uint16_t number_at(const char *entry, size_t offset) {
        uint16_t v;

        memcpy(&v, entry + offset, sizeof(v));
        return v;
}

static size_t next_of(const Snapshot *s, size_t offset) {
        return offset + number_at(entry_at(s, offset), s->layout->next_offset);
}

static const struct xt_entry_target *target_of(const Snapshot *s, const char *entry) {
        return (const struct xt_entry_target *) (entry +
                                                 number_at(entry, s->layout->target_offset));
}

/* Is there a complete entry? The kernel makes sure of that, but everything else relies on it. */
static bool entry_valid(const Snapshot *s, size_t offset) {
        size_t left = s->size - offset, target, next;

        if (left < s->layout->head)
                return false;
        target = number_at(entry_at(s, offset), s->layout->target_offset);
        next = number_at(entry_at(s, offset), s->layout->next_offset);
        /* The smallest target is a verdict. */
        return next <= left && target >= s->layout->head &&
               next >= target + sizeof(struct xt_standard_target) &&
               memchr(target_of(s, entry_at(s, offset))->u.user.name, '\0',
                      XT_EXTENSION_MAXNAMELEN);
}

/* The name in the head of a chain, NULL for other entries. */
static const char *head_name(const Snapshot *s, size_t offset) {
        const struct xt_entry_target *t = target_of(s, entry_at(s, offset));
        const char *name = ((const struct xt_error_target *) t)->errorname;

        if (!streq(t->u.user.name, XT_ERROR_TARGET) ||
            next_of(s, offset) < offset_of(s, name) + XT_FUNCTION_MAXNAMELEN ||
            !memchr(name, '\0', XT_FUNCTION_MAXNAMELEN))
                return NULL;
        return name;
}

/* ---- chains ---- */

static int add_chain(Snapshot *s, const Chain *c) {
        if (s->n_chains == s->n_allocated) {
                size_t n = MAX(s->n_allocated * 2, (size_t) 16);
                Chain *grown = reallocarray(s->chains, n, sizeof(*grown));

                if (!grown)
                        return -ENOMEM;
                s->chains = grown;
                s->n_allocated = n;
        }
        s->chains[s->n_chains++] = *c;
        return 0;
}

static int add_builtin_chains(Snapshot *s, size_t offset) {
        int r = 0;

        for (size_t h = 0; h < NF_INET_NUMHOOKS && r >= 0; h++)
                if (s->info.valid_hooks & 1U << h && s->info.hook_entry[h] == offset)
                        r = add_chain(s, &(Chain){ .name = hook_names[h],
                                                   .first = offset,
                                                   .policy = s->info.underflow[h],
                                                   .builtin = true });
        return r;
}

static unsigned policies_at(const Snapshot *s, size_t offset) {
        unsigned hooks = 0;

        for (size_t h = 0; h < NF_INET_NUMHOOKS; h++)
                if (s->info.valid_hooks & 1U << h && s->info.underflow[h] == offset)
                        hooks |= 1U << h;
        return hooks;
}

/* -EAGAIN: the table was replaced after the kernel told where its chains are. */
static int find_chains(Snapshot *s) {
        unsigned policies = 0;
        int r = 0;

        s->n_chains = 0;
        for (size_t offset = 0; offset < s->size && r >= 0; offset = next_of(s, offset)) {
                const char *name;

                if (!entry_valid(s, offset))
                        return -EBADMSG;
                policies |= policies_at(s, offset);
                r = add_builtin_chains(s, offset);
                name = head_name(s, offset);
                if (name && r >= 0 && next_of(s, offset) < s->size) /* else the end of the table */
                        r = add_chain(s, &(Chain){ .name = name, .first = next_of(s, offset) });
        }
        return r < 0 ? r : policies != s->info.valid_hooks ? -EAGAIN : 0;
}

static int by_offset(const void *a, const void *b) {
        const Chain *x = a, *y = b;

        return x->first < y->first ? -1 : x->first > y->first;
}

static const Chain *chain_at(const Snapshot *s, size_t offset) {
        const Chain key = { .first = offset };

        return s->n_chains > 0 ? bsearch(&key, s->chains, s->n_chains, sizeof(key), by_offset)
                               : NULL;
}

static const Chain *chain_named(const Snapshot *s, const char *name) {
        for (size_t i = 0; i < s->n_chains; i++)
                if (streq(s->chains[i].name, name))
                        return &s->chains[i];
        return NULL;
}

/* Is it the last entry of a chain, which is no rule? */
static bool is_end(const Snapshot *s, size_t offset) {
        size_t next = next_of(s, offset);

        return policies_at(s, offset) != 0 || next >= s->size || head_name(s, next);
}

/* ---- the common interface ---- */

static int load(const Layout *l, const char *table, Snapshot *s) {
        _cleanup_close_ int fd = open_socket(l);
        int r = fd < 0 ? fd : -EAGAIN;

        s->layout = l;
        for (int i = 0; i < READ_ATTEMPTS && r == -EAGAIN; i++) {
                r = ask_info(fd, l, table, &s->info);
                if (r >= 0)
                        r = ask_entries(fd, s);
                if (r >= 0)
                        r = find_chains(s);
        }
        return r;
}

static struct xtc_handle *init(const Layout *l, const char *table) {
        __attribute__((cleanup(snapshot_freep))) Snapshot *s = calloc(1, sizeof(*s));
        int r = s ? load(l, table, s) : -ENOMEM;

        if (r < 0) {
                errno = -r;
                return NULL;
        }
        return (struct xtc_handle *) TAKE_PTR(s);
}

static struct xtc_handle *init_ipv4(const char *table) {
        return init(&layouts[NAT_IPV4], table);
}

static struct xtc_handle *init_ipv6(const char *table) {
        return init(&layouts[NAT_IPV6], table);
}

static void reader_free(struct xtc_handle *h) {
        snapshot_free(snapshot_of(h));
}

static const char *next_chain(struct xtc_handle *h) {
        Snapshot *s = snapshot_of(h);

        return s->next < s->n_chains ? s->chains[s->next++].name : NULL;
}

static const char *first_chain(struct xtc_handle *h) {
        snapshot_of(h)->next = 0;
        return next_chain(h);
}

static const void *rule_at(const Snapshot *s, size_t offset) {
        return is_end(s, offset) ? NULL : entry_at(s, offset);
}

static const void *first_rule(const char *chain, struct xtc_handle *h) {
        const Chain *c = chain_named(snapshot_of(h), chain);

        return c ? rule_at(snapshot_of(h), c->first) : NULL;
}

static const void *next_rule(const void *rule, struct xtc_handle *h) {
        const Snapshot *s = snapshot_of(h);

        return rule_at(s, next_of(s, offset_of(s, rule)));
}

/* The name of a verdict, as iptables(8) prints it. */
static const char *verdict_name(const Snapshot *s, const char *entry,
                                const struct xt_standard_target *t) {
        const Chain *c;

        switch (t->verdict) {
        case -NF_ACCEPT - 1:
                return "ACCEPT";
        case -NF_DROP - 1:
                return "DROP";
        case -NF_QUEUE - 1:
                return "QUEUE";
        case XT_RETURN:
                return "RETURN";
        }
        if (t->verdict < 0 || (size_t) t->verdict == next_of(s, offset_of(s, entry)))
                return ""; /* continue with the next rule */
        c = chain_at(s, (size_t) t->verdict);
        return c ? c->name : "";
}

static const char *target(const void *rule, struct xtc_handle *h) {
        const struct xt_entry_target *t = target_of(snapshot_of(h), rule);

        if (!streq(t->u.user.name, XT_STANDARD_TARGET))
                return t->u.user.name;
        return verdict_name(snapshot_of(h), rule, (const struct xt_standard_target *) t);
}

static int has_chain(const char *chain, struct xtc_handle *h) {
        return chain_named(snapshot_of(h), chain) != NULL;
}

static const char *policy(const char *chain, struct xtc_handle *h) {
        const Snapshot *s = snapshot_of(h);
        const Chain *c = chain_named(s, chain);

        return c && c->builtin ? target(entry_at(s, c->policy), h) : NULL;
}

static NatCount counted(const Layout *l, const void *rule) {
        struct xt_counters n;

        memcpy(&n, (const char *) rule + l->counters, sizeof(n));
        return (NatCount){ n.pcnt, n.bcnt };
}

static NatCount counted_ipv4(const void *rule) {
        return counted(&layouts[NAT_IPV4], rule);
}

static NatCount counted_ipv6(const void *rule) {
        return counted(&layouts[NAT_IPV6], rule);
}

#define READER(family)                                                                             \
        {                                                                                          \
                .init = init_##family, .free = reader_free, .first_chain = first_chain,            \
                .next_chain = next_chain, .first_rule = first_rule, .next_rule = next_rule,        \
                .target = target, .has_chain = has_chain, .counted = counted_##family,             \
                .policy = policy                                                                   \
        }

const XtLibrary *xt_reader(NatFamily family) {
        static const XtLibrary readers[NAT_FAMILY_MAX] = {
                [NAT_IPV4] = READER(ipv4),
                [NAT_IPV6] = READER(ipv6),
        };

        return &readers[family];
}
