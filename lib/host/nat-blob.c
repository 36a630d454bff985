/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nat-blob.c - rules to and from the blobs of the legacy tables.
 *
 * An entry is a struct ipt_entry, then matches, then one target, each with a header that holds its
 * name, revision and size. Written are exactly the bytes that iptables(8) writes on the same
 * kernel, so that its -C and -D find our rules and its -S shows them in the usual words. */

#include <sys/socket.h>

#include "basic/cleanup.h"

#include "host/nat-blob.h"

#include <linux/netfilter/nf_nat.h>
#include <linux/netfilter/x_tables.h>
#include <linux/netfilter/xt_conntrack.h>
#include <linux/netfilter/xt_tcpudp.h>

#define PORT_ANY_LAST 0xffff

static const struct {
        unsigned ours, kernels;
} states[] = {
        { NAT_STATE_ESTABLISHED, XT_CONNTRACK_STATE_BIT(IP_CT_ESTABLISHED) },
        { NAT_STATE_RELATED, XT_CONNTRACK_STATE_BIT(IP_CT_RELATED) },
        { NAT_STATE_DNAT, XT_CONNTRACK_STATE_DNAT },
};

/* The kernel answers such questions on the kind of socket that changes its tables, if at all. */
static int query_socket(void) {
        return RET_NERRNO(socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW));
}

/* Asks for one revision of a match or target. 0 = there is, -ENOENT = no such extension at all,
 * -EPROTONOSUPPORT = there is, but not this revision. */
static int kernel_has(int fd, int option, const char *name, uint8_t revision) {
        struct xt_get_revision query = { .revision = revision };
        socklen_t size = sizeof(query);

        strncpy(query.name, name, sizeof(query.name) - 1);
        return RET_NERRNO(getsockopt(fd, IPPROTO_IP, option, &query, &size));
}

void nat_revisions_probe(NatRevisions *ret) {
        _cleanup_close_ int fd = query_socket();
        NatRevisions r = { .conntrack = 3, .dnat = 2 };

        while (r.conntrack > 1 &&
               kernel_has(fd, IPT_SO_GET_REVISION_MATCH, "conntrack", r.conntrack) < 0)
                r.conntrack--;
        if (kernel_has(fd, IPT_SO_GET_REVISION_TARGET, "DNAT", r.dnat) < 0)
                r.dnat = 0; /* 1 is IPv6's */
        *ret = r;
}

const char *nat_missing_feature(const NatRule *rule) {
        const struct {
                bool needed;
                int option;
                const char *name, *what;
        } features[] = {
                { rule->protocol == IPPROTO_TCP, IPT_SO_GET_REVISION_MATCH, "tcp", "match tcp" },
                { rule->protocol == IPPROTO_UDP, IPT_SO_GET_REVISION_MATCH, "udp", "match udp" },
                { rule->states != 0, IPT_SO_GET_REVISION_MATCH, "conntrack", "match conntrack" },
                { rule->verdict == NAT_DNAT, IPT_SO_GET_REVISION_TARGET, "DNAT", "target DNAT" },
                { rule->verdict == NAT_SNAT, IPT_SO_GET_REVISION_TARGET, "SNAT", "target SNAT" },
                { rule->verdict == NAT_MASQUERADE, IPT_SO_GET_REVISION_TARGET, "MASQUERADE",
                  "target MASQUERADE" },
        };
        _cleanup_close_ int fd = query_socket();

        FOREACH_ELEMENT (f, features)
                if (f->needed && kernel_has(fd, f->option, f->name, 0) == -ENOENT)
                        return f->what;
        return NULL;
}

/* Encoding: each put_…() appends one match or target at the end of the entry. */

static void *put_extension(NatBlob *b, const char *name, uint8_t revision, const void *data,
                           size_t size) {
        struct xt_entry_match *m = (void *) (b->bytes + b->entry.next_offset);
        size_t total = XT_ALIGN(sizeof(*m) + size);

        static_assert(sizeof(struct xt_entry_match) == sizeof(struct xt_entry_target),
                      "one header");
        assert(b->entry.next_offset + total <= sizeof(b->bytes));

        m->u.user.match_size = (uint16_t) total;
        memcpy(m->u.user.name, name, strnlen(name, sizeof(m->u.user.name) - 1));
        m->u.user.revision = revision;
        memcpy(m->data, data, size);
        b->entry.next_offset = (uint16_t) (b->entry.next_offset + total);
        return m;
}

static void put_interface(char name[static IFNAMSIZ], unsigned char mask[static IFNAMSIZ],
                          const char *ifname) {
        size_t n = strlen(ifname);

        if (n == 0)
                return;
        assert(n < IFNAMSIZ);
        strcpy(name, ifname);
        memset(mask, 0xff, n + 1); /* with its NUL: this very name */
}

static void put_host(struct in_addr *address, struct in_addr *mask, struct in_addr host) {
        *address = host;
        mask->s_addr = host.s_addr == INADDR_ANY ? 0 : INADDR_BROADCAST;
}

static void put_ports(NatBlob *b, const NatRule *rule) {
        const struct xt_tcp tcp = { .spts = { 0, PORT_ANY_LAST },
                                    .dpts = { rule->first_port, rule->last_port } };
        const struct xt_udp udp = { .spts = { 0, PORT_ANY_LAST },
                                    .dpts = { rule->first_port, rule->last_port } };

        if (rule->protocol == IPPROTO_TCP)
                put_extension(b, "tcp", 0, &tcp, sizeof(tcp));
        else
                put_extension(b, "udp", 0, &udp, sizeof(udp));
}

static void put_states(NatBlob *b, unsigned wanted, uint8_t revision) {
        struct xt_conntrack_mtinfo3 info = { .match_flags = XT_CONNTRACK_STATE };
        struct xt_conntrack_mtinfo1 old = { .match_flags = XT_CONNTRACK_STATE };

        FOREACH_ELEMENT (s, states)
                if (wanted & s->ours)
                        info.state_mask = (uint16_t) (info.state_mask | s->kernels);
        old.state_mask = (uint8_t) info.state_mask;
        if (revision == 1)
                put_extension(b, "conntrack", 1, &old, sizeof(old));
        else /* 2 is how 3 begins */
                put_extension(b, "conntrack", revision, &info,
                              revision == 2 ? sizeof(struct xt_conntrack_mtinfo2) : sizeof(info));
}

/* Of SNAT there is a newer form too, but iptables(8) writes the first one. */
static void put_nat(NatBlob *b, const char *target, const NatRule *rule, uint8_t revision) {
        unsigned flags = NF_NAT_RANGE_MAP_IPS | (rule->to_port ? NF_NAT_RANGE_PROTO_SPECIFIED : 0);
        const union nf_conntrack_man_proto port = { .all = htons(rule->to_port) };
        const struct nf_nat_ipv4_multi_range_compat old = {
                .rangesize = 1,
                .range = { { flags, rule->to_address.s_addr, rule->to_address.s_addr, port,
                             port } },
        };
        const struct nf_nat_range2 range = {
                .flags = flags,
                .min_addr = { .ip = rule->to_address.s_addr },
                .max_addr = { .ip = rule->to_address.s_addr },
                .min_proto = port,
                .max_proto = port,
        };

        if (revision == 0)
                put_extension(b, target, 0, &old, sizeof(old));
        else
                put_extension(b, target, revision, &range, sizeof(range));
}

static void put_target(NatBlob *b, const NatRule *rule, const NatRevisions *revisions) {
        const struct nf_nat_ipv4_multi_range_compat whole = { .rangesize = 1 };
        const int verdict = 0; /* libiptc fills it in from the name */

        switch (rule->verdict) {
        case NAT_ACCEPT:
                put_extension(b, "ACCEPT", 0, &verdict, sizeof(verdict));
                break;
        case NAT_RETURN:
                put_extension(b, "RETURN", 0, &verdict, sizeof(verdict));
                break;
        case NAT_JUMP:
                put_extension(b, rule->chain, 0, &verdict, sizeof(verdict));
                break;
        case NAT_DNAT:
                put_nat(b, "DNAT", rule, revisions->dnat);
                break;
        case NAT_SNAT:
                put_nat(b, "SNAT", rule, 0);
                break;
        case NAT_MASQUERADE:
                put_extension(b, "MASQUERADE", 0, &whole, sizeof(whole));
                break;
        }
}

void nat_blob_encode(const NatRule *rule, const NatRevisions *revisions, NatBlob *ret) {
        struct ipt_ip *ip = &ret->entry.ip;

        memset(ret, 0, sizeof(*ret));
        ret->entry.next_offset = sizeof(struct ipt_entry);
        put_interface(ip->iniface, ip->iniface_mask, rule->in);
        put_interface(ip->outiface, ip->outiface_mask, rule->out);
        put_host(&ip->src, &ip->smsk, rule->source);
        put_host(&ip->dst, &ip->dmsk, rule->destination);
        ip->proto = rule->protocol;
        if (rule->protocol)
                put_ports(ret, rule);
        if (rule->states)
                put_states(ret, rule->states, revisions->conntrack);
        ret->entry.target_offset = ret->entry.next_offset;
        put_target(ret, rule, revisions);
}

/* Decoding: each get_…() says whether it understood all of what it was given. */

static bool get_interface(const char *name, const unsigned char *mask, char ret[static IFNAMSIZ]) {
        unsigned char expected[IFNAMSIZ] = { 0 };

        if (!memchr(name, '\0', IFNAMSIZ))
                return false;
        put_interface(ret, expected, name);
        return memcmp(name, ret, IFNAMSIZ) == 0 &&
               memcmp(mask, expected, IFNAMSIZ) == 0; /* else it has a wildcard */
}

static bool get_host(struct in_addr address, struct in_addr mask, struct in_addr *ret) {
        *ret = address;
        return mask.s_addr == (address.s_addr == INADDR_ANY ? 0 : INADDR_BROADCAST);
}

static bool get_ports(NatRule *rule, uint8_t protocol, const uint16_t *source,
                      const uint16_t *destination) {
        bool again = rule->last_port > 0; /* two matches would both have to hold */

        if (again || rule->protocol != protocol || source[0] != 0 || source[1] != PORT_ANY_LAST)
                return false;
        rule->first_port = destination[0];
        rule->last_port = destination[1];
        return true;
}

static bool get_tcp(const void *data, NatRule *rule) {
        struct xt_tcp tcp;

        memcpy(&tcp, data, sizeof(tcp));
        return !tcp.option && !tcp.flg_mask && !tcp.flg_cmp && !tcp.invflags &&
               get_ports(rule, IPPROTO_TCP, tcp.spts, tcp.dpts);
}

static bool get_udp(const void *data, NatRule *rule) {
        struct xt_udp udp;

        memcpy(&udp, data, sizeof(udp));
        return !udp.invflags && get_ports(rule, IPPROTO_UDP, udp.spts, udp.dpts);
}

static bool get_state_mask(unsigned match_flags, unsigned invert_flags, unsigned mask,
                           NatRule *rule) {
        bool again = rule->states != 0;

        if (again || match_flags != XT_CONNTRACK_STATE || invert_flags != 0 || mask == 0)
                return false;
        FOREACH_ELEMENT (s, states)
                if (mask & s->kernels) {
                        rule->states |= s->ours;
                        mask &= ~s->kernels;
                }
        return mask == 0;
}

static bool get_conntrack1(const void *data, NatRule *rule) {
        struct xt_conntrack_mtinfo1 info;

        memcpy(&info, data, sizeof(info));
        return get_state_mask(info.match_flags, info.invert_flags, info.state_mask, rule);
}

static bool get_conntrack2(const void *data, NatRule *rule) {
        struct xt_conntrack_mtinfo2 info;

        memcpy(&info, data, sizeof(info));
        return get_state_mask(info.match_flags, info.invert_flags, info.state_mask, rule);
}

static bool get_range(unsigned flags, in_addr_t min, in_addr_t max, uint16_t min_port,
                      uint16_t max_port, NatRule *rule) {
        bool with_port = (flags & NF_NAT_RANGE_PROTO_SPECIFIED) != 0;

        rule->to_address.s_addr = min;
        rule->to_port = with_port ? ntohs(min_port) : 0;
        return (flags & ~(unsigned) NF_NAT_RANGE_PROTO_SPECIFIED) == NF_NAT_RANGE_MAP_IPS &&
               min == max && (!with_port || (min_port == max_port && min_port != 0));
}

static bool get_multi_range(const void *data, NatRule *rule) {
        struct nf_nat_ipv4_multi_range_compat old;
        const struct nf_nat_ipv4_range *r = &old.range[0];

        memcpy(&old, data, sizeof(old));
        return old.rangesize == 1 &&
               get_range(r->flags, r->min_ip, r->max_ip, r->min.all, r->max.all, rule);
}

static bool get_dnat0(const void *data, NatRule *rule) {
        rule->verdict = NAT_DNAT;
        return get_multi_range(data, rule);
}

static bool get_snat0(const void *data, NatRule *rule) {
        rule->verdict = NAT_SNAT;
        return get_multi_range(data, rule);
}

static bool get_dnat2(const void *data, NatRule *rule) {
        struct nf_nat_range2 r;

        rule->verdict = NAT_DNAT;
        memcpy(&r, data, sizeof(r));
        return get_range(r.flags, r.min_addr.ip, r.max_addr.ip, r.min_proto.all, r.max_proto.all,
                         rule);
}

static bool get_masquerade(const void *data, NatRule *rule) {
        struct nf_nat_ipv4_multi_range_compat whole;

        memcpy(&whole, data, sizeof(whole));
        rule->verdict = NAT_MASQUERADE;
        return whole.rangesize == 1 && whole.range[0].flags == 0;
}

typedef struct Extension {
        const char *name;
        uint8_t revision;
        size_t size;
        bool (*get)(const void *data, NatRule *rule);
} Extension;

static const Extension matches[] = {
        { "tcp", 0, sizeof(struct xt_tcp), get_tcp },
        { "udp", 0, sizeof(struct xt_udp), get_udp },
        { "conntrack", 1, sizeof(struct xt_conntrack_mtinfo1), get_conntrack1 },
        { "conntrack", 2, sizeof(struct xt_conntrack_mtinfo2), get_conntrack2 },
        { "conntrack", 3, sizeof(struct xt_conntrack_mtinfo3), get_conntrack2 },
};

static const Extension targets[] = {
        { "DNAT", 0, sizeof(struct nf_nat_ipv4_multi_range_compat), get_dnat0 },
        { "DNAT", 2, sizeof(struct nf_nat_range2), get_dnat2 },
        { "SNAT", 0, sizeof(struct nf_nat_ipv4_multi_range_compat), get_snat0 },
        { "MASQUERADE", 0, sizeof(struct nf_nat_ipv4_multi_range_compat), get_masquerade },
};

/* Understands the extension at data, which has at most room bytes. Returns its size, 0 = not
 * understood. */
static size_t get_extension(const Extension *table, size_t n, const unsigned char *data,
                            size_t room, NatRule *rule) {
        const struct xt_entry_match *m = (const void *) data;

        if (room < sizeof(*m) || m->u.user.match_size < sizeof(*m) || m->u.user.match_size > room)
                return 0;
        for (const Extension *e = table; e < table + n; e++)
                if (strncmp(m->u.user.name, e->name, sizeof(m->u.user.name)) == 0 &&
                    m->u.user.revision == e->revision &&
                    m->u.user.match_size == XT_ALIGN(sizeof(*m) + e->size))
                        return e->get(m->data, rule) ? m->u.user.match_size : 0;
        return 0;
}

static bool get_target(const unsigned char *data, size_t room, const char *name, NatRule *rule) {
        const struct xt_entry_target *t = (const void *) data;

        if (room < sizeof(*t))
                return false;
        if (t->u.user.name[0] != '\0') /* "" is what the kernel calls verdicts and jumps */
                return get_extension(targets, ARRAY_SIZE(targets), data, room, rule) == room;
        if (room != XT_ALIGN(sizeof(struct xt_standard_target)))
                return false;
        if (streq(name, "ACCEPT") || streq(name, "RETURN")) {
                rule->verdict = streq(name, "ACCEPT") ? NAT_ACCEPT : NAT_RETURN;
                return true;
        }
        if (streq(name, "DROP") || streq(name, "QUEUE") || strlen(name) >= sizeof(rule->chain))
                return false;
        rule->verdict = NAT_JUMP;
        strcpy(rule->chain, name);
        return true;
}

bool nat_blob_decode(const struct ipt_entry *entry, const char *target, NatRule *ret) {
        const unsigned char *start = (const void *) entry;
        const struct ipt_ip *ip = &entry->ip;
        NatRule rule = { .protocol = (uint8_t) ip->proto };

        if (ip->flags || ip->invflags ||
            (ip->proto && ip->proto != IPPROTO_TCP && ip->proto != IPPROTO_UDP) ||
            !get_interface(ip->iniface, ip->iniface_mask, rule.in) ||
            !get_interface(ip->outiface, ip->outiface_mask, rule.out) ||
            !get_host(ip->src, ip->smsk, &rule.source) ||
            !get_host(ip->dst, ip->dmsk, &rule.destination) ||
            entry->target_offset < sizeof(*entry) || entry->next_offset < entry->target_offset)
                return false;
        for (size_t at = sizeof(*entry), size; at < entry->target_offset; at += size) {
                size = get_extension(matches, ARRAY_SIZE(matches), start + at,
                                     entry->target_offset - at, &rule);
                if (size == 0)
                        return false;
        }
        if (rule.protocol && rule.last_port == 0)
                return false; /* all ports: nothing that we write */
        if (!get_target(start + entry->target_offset, entry->next_offset - entry->target_offset,
                        target, &rule))
                return false;
        *ret = rule;
        return true;
}
