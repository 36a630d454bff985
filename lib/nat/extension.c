/* SPDX-License-Identifier: GPL-2.0-or-later */
/* extension.c - converts matches and targets to and from the bytes of the legacy tables. */

#include "nat/extension.h"

/* After glibc's headers: only in this order are the two compatible. */
#include <linux/netfilter/nf_nat.h>
#include <linux/netfilter/x_tables.h>
#include <linux/netfilter/xt_NFLOG.h>
#include <linux/netfilter/xt_NFQUEUE.h>
#include <linux/netfilter/xt_TCPMSS.h>
#include <linux/netfilter/xt_connlimit.h>
#include <linux/netfilter/xt_conntrack.h>
#include <linux/netfilter/xt_limit.h>
#include <linux/netfilter/xt_mac.h>
#include <linux/netfilter/xt_tcpudp.h>
#include <linux/netfilter_ipv4/ip_tables.h>

#define PORT_ANY_LAST 0xffff
#define TCP_SYN       0x02
#define TCP_RST       0x04
#define ICMP_ANY_CODE 0xff

static const struct {
        unsigned ours, kernels;
} states[] = {
        { NAT_STATE_ESTABLISHED, XT_CONNTRACK_STATE_BIT(IP_CT_ESTABLISHED) },
        { NAT_STATE_RELATED, XT_CONNTRACK_STATE_BIT(IP_CT_RELATED) },
        { NAT_STATE_DNAT, XT_CONNTRACK_STATE_DNAT },
        { NAT_STATE_NEW, XT_CONNTRACK_STATE_BIT(IP_CT_NEW) },
};

/* ---- writing: each put_…() appends one match or target. iptables(8) also compares the padding
 * between fields, so structures with padding are zeroed first. ---- */

static void put_extension(NatWriter *w, const char *name, uint8_t revision, const void *data,
                          size_t size) {
        struct xt_entry_match *m = (void *) (w->bytes + w->at);
        size_t total = XT_ALIGN(sizeof(*m) + size);

        static_assert(sizeof(struct xt_entry_match) == sizeof(struct xt_entry_target),
                      "one header");
        assert(w->at + total <= w->size);
        assert(strlen(name) < sizeof(m->u.user.name));

        m->u.user.match_size = (uint16_t) total;
        strcpy(m->u.user.name, name);
        m->u.user.revision = revision;
        memcpy(m->data, data, size);
        w->at += total;
}

static void put_tcp(NatWriter *w, const NatRule *rule) {
        const struct xt_tcp tcp = { .spts = { 0, PORT_ANY_LAST },
                                    .dpts = { rule->first_port, rule->last_port },
                                    .flg_mask = rule->syn ? TCP_SYN | TCP_RST : 0,
                                    .flg_cmp = rule->syn ? TCP_SYN : 0 };

        put_extension(w, "tcp", 0, &tcp, sizeof(tcp));
}

static void put_udp(NatWriter *w, const NatRule *rule) {
        struct xt_udp udp;

        memset(&udp, 0, sizeof(udp));
        udp.spts[1] = PORT_ANY_LAST;
        udp.dpts[0] = rule->first_port;
        udp.dpts[1] = rule->last_port;
        put_extension(w, "udp", 0, &udp, sizeof(udp));
}

/* IPv6 has another structure with the same fields. */
static void put_icmp(NatWriter *w, const NatRule *rule) {
        const struct ipt_icmp icmp = { .type = rule->icmp_type, .code = { 0, ICMP_ANY_CODE } };

        put_extension(w, rule->family == NAT_IPV6 ? "icmp6" : "icmp", 0, &icmp, sizeof(icmp));
}

static void put_states(NatWriter *w, unsigned wanted, uint8_t revision) {
        struct xt_conntrack_mtinfo3 info;
        struct xt_conntrack_mtinfo1 old;

        memset(&info, 0, sizeof(info));
        memset(&old, 0, sizeof(old));
        info.match_flags = old.match_flags = XT_CONNTRACK_STATE;
        FOREACH_ELEMENT (s, states)
                if (wanted & s->ours)
                        info.state_mask = (uint16_t) (info.state_mask | s->kernels);
        old.state_mask = (uint8_t) info.state_mask;
        if (revision == 1)
                put_extension(w, "conntrack", 1, &old, sizeof(old));
        else /* revision 3 begins like revision 2 */
                put_extension(w, "conntrack", revision, &info,
                              revision == 2 ? sizeof(struct xt_conntrack_mtinfo2) : sizeof(info));
}

static void put_mac(NatWriter *w, const NatRule *rule) {
        struct xt_mac_info mac;

        memset(&mac, 0, sizeof(mac));
        memcpy(mac.srcaddr, rule->not_mac, sizeof(mac.srcaddr));
        mac.invert = true;
        put_extension(w, "mac", 0, &mac, sizeof(mac));
}

/* With a mask of no bits, so that all connections count, whoever they are of. */
static void put_connlimit(NatWriter *w, const NatRule *rule, uint8_t revision) {
        struct xt_connlimit_info limit;

        memset(&limit, 0, sizeof(limit));
        limit.limit = rule->above;
        put_extension(w, "connlimit", revision, &limit, sizeof(limit));
}

/* More than a guest can serve, by far; the most that the match knows, and iptables(8) reads. */
static const struct xt_rateinfo fresh = { .avg = 1, .burst = XT_LIMIT_SCALE };

void nat_put_matches(NatWriter *w, const NatRule *rule, const NatRevisions *revisions) {
        switch (rule->protocol) {
        case 0:
                break;
        case IPPROTO_TCP:
                put_tcp(w, rule);
                break;
        case IPPROTO_UDP:
                put_udp(w, rule);
                break;
        case IPPROTO_ICMP:
        case IPPROTO_ICMPV6:
                put_icmp(w, rule);
        }
        if (rule->states)
                put_states(w, rule->states, revisions->conntrack);
        if (nat_rule_has_mac(rule))
                put_mac(w, rule);
        if (rule->above > 0)
                put_connlimit(w, rule, revisions->connlimit);
        if (rule->fresh)
                put_extension(w, "limit", 0, &fresh, sizeof(fresh));
}

static union nf_inet_addr inet_address(const NatRule *rule) {
        union nf_inet_addr a = {};

        if (rule->family == NAT_IPV6)
                memcpy(&a, &rule->to_address.v6, sizeof(rule->to_address.v6));
        else
                memcpy(&a, &rule->to_address.v4, sizeof(rule->to_address.v4));
        return a;
}

/* The oldest revision is IPv4 only, the next one is the first for IPv6. SNAT has newer ones, but
 * iptables(8) does not write them. */
static void put_nat(NatWriter *w, const char *target, const NatRule *rule, uint8_t revision) {
        unsigned flags = NF_NAT_RANGE_MAP_IPS | (rule->to_port ? NF_NAT_RANGE_PROTO_SPECIFIED : 0);
        const union nf_conntrack_man_proto port = { .all = htons(rule->to_port) };
        const union nf_inet_addr address = inet_address(rule);
        const struct nf_nat_ipv4_multi_range_compat old = {
                .rangesize = 1,
                .range = { { flags, address.ip, address.ip, port, port } },
        };
        struct nf_nat_range2 range;

        memset(&range, 0, sizeof(range));
        range.flags = flags;
        range.min_addr = range.max_addr = address;
        range.min_proto = range.max_proto = port;
        if (revision == 0)
                put_extension(w, target, 0, &old, sizeof(old));
        else /* revision 2 begins like revision 1 */
                put_extension(w, target, revision, &range,
                              revision == 1 ? sizeof(struct nf_nat_range) : sizeof(range));
}

static void put_masquerade(NatWriter *w, const NatRule *rule) {
        const struct nf_nat_ipv4_multi_range_compat v4 = { .rangesize = 1 };
        const struct nf_nat_range v6 = {};

        if (rule->family == NAT_IPV6)
                put_extension(w, "MASQUERADE", 0, &v6, sizeof(v6));
        else
                put_extension(w, "MASQUERADE", 0, &v4, sizeof(v4));
}

/* What the kernel supports without an extension. */
static const struct {
        NatVerdict verdict;
        const char *name;
} standard[] = { { NAT_ACCEPT, "ACCEPT" }, { NAT_DROP, "DROP" }, { NAT_RETURN, "RETURN" } };

static void put_standard(NatWriter *w, const char *name) {
        const int verdict = 0; /* libiptc fills it in from the name */

        put_extension(w, name, 0, &verdict, sizeof(verdict));
}

void nat_put_target(NatWriter *w, const NatRule *rule, const NatRevisions *revisions) {
        const struct xt_tcpmss_info clamp = { XT_TCPMSS_CLAMP_PMTU };
        const struct xt_nflog_info log = { .group = rule->queue };
        const struct xt_NFQ_info_v2 queue = { .queuenum = rule->queue,
                                              .queues_total = 1,
                                              .bypass = 1 };

        switch (rule->verdict) {
        case NAT_ACCEPT:
        case NAT_DROP:
        case NAT_RETURN:
                FOREACH_ELEMENT (s, standard)
                        if (s->verdict == rule->verdict)
                                put_standard(w, s->name);
                break;
        case NAT_JUMP:
                put_standard(w, rule->chain);
                break;
        case NAT_DNAT:
                put_nat(w, "DNAT", rule, revisions->dnat);
                break;
        case NAT_SNAT:
                put_nat(w, "SNAT", rule, rule->family == NAT_IPV6 ? 1 : 0);
                break;
        case NAT_MASQUERADE:
                put_masquerade(w, rule);
                break;
        case NAT_CLAMP_MSS:
                put_extension(w, "TCPMSS", 0, &clamp, sizeof(clamp));
                break;
        case NAT_LOG:
                put_extension(w, "NFLOG", 0, &log, sizeof(log));
                break;
        case NAT_QUEUE:
                put_extension(w, "NFQUEUE", revisions->queue, &queue, sizeof(queue));
                break;
        }
}

/* ---- reading: each get_…() says whether it understood everything it was given ---- */

static bool get_ports(NatRule *rule, uint8_t protocol, const uint16_t *source,
                      const uint16_t *destination) {
        bool again = rule->last_port > 0; /* two matches would both have to match */

        if (again || rule->protocol != protocol || source[0] != 0 || source[1] != PORT_ANY_LAST)
                return false;
        rule->first_port = destination[0];
        rule->last_port = destination[1];
        return true;
}

static bool get_tcp(const void *data, NatRule *rule) {
        struct xt_tcp tcp;

        memcpy(&tcp, data, sizeof(tcp));
        rule->syn = tcp.flg_mask == (TCP_SYN | TCP_RST) && tcp.flg_cmp == TCP_SYN;
        return !tcp.option && (rule->syn || (!tcp.flg_mask && !tcp.flg_cmp)) && !tcp.invflags &&
               get_ports(rule, IPPROTO_TCP, tcp.spts, tcp.dpts);
}

static bool get_udp(const void *data, NatRule *rule) {
        struct xt_udp udp;

        memcpy(&udp, data, sizeof(udp));
        return !udp.invflags && get_ports(rule, IPPROTO_UDP, udp.spts, udp.dpts);
}

static bool get_icmp(const void *data, NatRule *rule) {
        struct ipt_icmp icmp;
        bool again = rule->icmp_type != 0;

        memcpy(&icmp, data, sizeof(icmp));
        rule->icmp_type = icmp.type;
        return !again && !icmp.invflags && icmp.code[0] == 0 && icmp.code[1] == ICMP_ANY_CODE &&
               rule->protocol == (rule->family == NAT_IPV6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP);
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

static bool get_mac(const void *data, NatRule *rule) {
        bool again = nat_rule_has_mac(rule);
        struct xt_mac_info mac;

        memcpy(&mac, data, sizeof(mac));
        memcpy(rule->not_mac, mac.srcaddr, sizeof(rule->not_mac));
        return !again && mac.invert && nat_rule_has_mac(rule);
}

/* The kernel's own data at its end is nobody's business. */
static bool get_connlimit(const void *data, NatRule *rule) {
        static const struct xt_connlimit_info all;
        struct xt_connlimit_info limit;
        bool again = rule->above != 0;

        memcpy(&limit, data, sizeof(limit));
        rule->above = limit.limit;
        return !again && limit.limit > 0 && limit.flags == 0 &&
               memcmp(&limit.mask, &all.mask, sizeof(all.mask)) == 0;
}

static bool get_limit(const void *data, NatRule *rule) {
        struct xt_rateinfo info;
        bool again = rule->fresh;

        memcpy(&info, data, sizeof(info));
        rule->fresh = info.avg == fresh.avg && info.burst == fresh.burst;
        return !again && rule->fresh;
}

static bool get_flags(unsigned flags, uint16_t min_port, uint16_t max_port, NatRule *rule) {
        bool with_port = (flags & NF_NAT_RANGE_PROTO_SPECIFIED) != 0;

        rule->to_port = with_port ? ntohs(min_port) : 0;
        return (flags & ~(unsigned) NF_NAT_RANGE_PROTO_SPECIFIED) == NF_NAT_RANGE_MAP_IPS &&
               (!with_port || (min_port == max_port && min_port != 0));
}

static bool get_nat0(const void *data, NatRule *rule) {
        struct nf_nat_ipv4_multi_range_compat old;
        const struct nf_nat_ipv4_range *r = &old.range[0];

        memcpy(&old, data, sizeof(old));
        rule->to_address.v4.s_addr = r->min_ip;
        return old.rangesize == 1 && r->min_ip == r->max_ip &&
               get_flags(r->flags, r->min.all, r->max.all, rule);
}

static bool get_nat1(const void *data, NatRule *rule) {
        struct nf_nat_range r;

        memcpy(&r, data, sizeof(r));
        if (rule->family == NAT_IPV6)
                memcpy(&rule->to_address.v6, &r.min_addr, sizeof(rule->to_address.v6));
        else
                rule->to_address.v4.s_addr = r.min_addr.ip;
        return memcmp(&r.min_addr, &r.max_addr, sizeof(r.min_addr)) == 0 &&
               get_flags(r.flags, r.min_proto.all, r.max_proto.all, rule);
}

static bool get_masquerade4(const void *data, NatRule *rule) {
        struct nf_nat_ipv4_multi_range_compat whole;

        memcpy(&whole, data, sizeof(whole));
        return whole.rangesize == 1 && whole.range[0].flags == 0;
}

static bool get_masquerade6(const void *data, NatRule *rule) {
        struct nf_nat_range whole;

        memcpy(&whole, data, sizeof(whole));
        return whole.flags == 0;
}

static bool get_tcpmss(const void *data, NatRule *rule) {
        struct xt_tcpmss_info info;

        memcpy(&info, data, sizeof(info));
        return info.mss == XT_TCPMSS_CLAMP_PMTU;
}

/* The next revision has a set of flags there, of which this is the first. */
static bool get_queue(const void *data, NatRule *rule) {
        struct xt_NFQ_info_v2 info;

        memcpy(&info, data, sizeof(info));
        rule->queue = info.queuenum;
        return info.queues_total == 1 && info.bypass == 1;
}

static bool get_log(const void *data, NatRule *rule) {
        struct xt_nflog_info info, plain = {};

        memcpy(&info, data, sizeof(info));
        rule->queue = plain.group = info.group;
        return memcmp(&info, &plain, sizeof(info)) == 0;
}

typedef struct Extension {
        const char *name;
        uint8_t revision;
        size_t size;
        bool (*get)(const void *data, NatRule *rule);
        NatVerdict verdict;
        enum { EITHER, ONLY_IPV4, ONLY_IPV6 } family;
} Extension;

static const Extension matches[] = {
        { "tcp", 0, sizeof(struct xt_tcp), get_tcp },
        { "udp", 0, sizeof(struct xt_udp), get_udp },
        { "icmp", 0, sizeof(struct ipt_icmp), get_icmp, .family = ONLY_IPV4 },
        { "icmp6", 0, sizeof(struct ipt_icmp), get_icmp, .family = ONLY_IPV6 },
        { "mac", 0, sizeof(struct xt_mac_info), get_mac },
        { "limit", 0, sizeof(struct xt_rateinfo), get_limit },
        { "connlimit", 0, sizeof(struct xt_connlimit_info), get_connlimit },
        { "connlimit", 1, sizeof(struct xt_connlimit_info), get_connlimit },
        { "conntrack", 1, sizeof(struct xt_conntrack_mtinfo1), get_conntrack1 },
        { "conntrack", 2, sizeof(struct xt_conntrack_mtinfo2), get_conntrack2 },
        { "conntrack", 3, sizeof(struct xt_conntrack_mtinfo3), get_conntrack2 },
};

#define MULTI_RANGE sizeof(struct nf_nat_ipv4_multi_range_compat)

static const Extension targets[] = {
        { "DNAT", 0, MULTI_RANGE, get_nat0, NAT_DNAT, ONLY_IPV4 },
        { "DNAT", 1, sizeof(struct nf_nat_range), get_nat1, NAT_DNAT, ONLY_IPV6 },
        { "DNAT", 2, sizeof(struct nf_nat_range2), get_nat1, NAT_DNAT, EITHER },
        { "SNAT", 0, MULTI_RANGE, get_nat0, NAT_SNAT, ONLY_IPV4 },
        { "SNAT", 1, sizeof(struct nf_nat_range), get_nat1, NAT_SNAT, ONLY_IPV6 },
        { "MASQUERADE", 0, MULTI_RANGE, get_masquerade4, NAT_MASQUERADE, ONLY_IPV4 },
        { "MASQUERADE", 0, sizeof(struct nf_nat_range), get_masquerade6, NAT_MASQUERADE,
          ONLY_IPV6 },
        { "TCPMSS", 0, sizeof(struct xt_tcpmss_info), get_tcpmss, NAT_CLAMP_MSS, EITHER },
        { "NFLOG", 0, sizeof(struct xt_nflog_info), get_log, NAT_LOG, EITHER },
        { "NFQUEUE", 2, sizeof(struct xt_NFQ_info_v2), get_queue, NAT_QUEUE, EITHER },
        { "NFQUEUE", 3, sizeof(struct xt_NFQ_info_v3), get_queue, NAT_QUEUE, EITHER },
};

static bool is_this(const Extension *e, const struct xt_entry_match *m, NatFamily family) {
        return strncmp(m->u.user.name, e->name, sizeof(m->u.user.name)) == 0 &&
               m->u.user.revision == e->revision &&
               m->u.user.match_size == XT_ALIGN(sizeof(*m) + e->size) &&
               (e->family == EITHER || (e->family == ONLY_IPV6) == (family == NAT_IPV6));
}

/* Parses the extension at data, which has at most room bytes. NULL = not understood. */
static const Extension *get_extension(const Extension *table, size_t n, const unsigned char *data,
                                      size_t room, NatRule *rule) {
        const struct xt_entry_match *m = (const void *) data;

        if (room < sizeof(*m) || m->u.user.match_size < sizeof(*m) || m->u.user.match_size > room)
                return NULL;
        for (const Extension *e = table; e < table + n; e++)
                if (is_this(e, m, rule->family))
                        return e->get(m->data, rule) ? e : NULL;
        return NULL;
}

static size_t size_of(const Extension *e) {
        return XT_ALIGN(sizeof(struct xt_entry_match) + e->size);
}

bool nat_get_matches(const unsigned char *data, size_t size, NatRule *rule) {
        for (size_t at = 0; at < size;) {
                const Extension *e =
                        get_extension(matches, ARRAY_SIZE(matches), data + at, size - at, rule);

                if (!e)
                        return false;
                at += size_of(e);
        }
        return true;
}

static bool get_standard(const char *name, NatRule *rule) {
        FOREACH_ELEMENT (s, standard)
                if (streq(name, s->name)) {
                        rule->verdict = s->verdict;
                        return true;
                }
        if (streq(name, "QUEUE") || strlen(name) >= sizeof(rule->chain))
                return false;
        rule->verdict = NAT_JUMP;
        strcpy(rule->chain, name);
        return true;
}

bool nat_get_target(const unsigned char *data, size_t size, const char *name, NatRule *rule) {
        const struct xt_entry_target *t = (const void *) data;
        const Extension *e;

        if (size < sizeof(*t))
                return false;
        if (t->u.user.name[0] == '\0') /* what the kernel calls verdicts and jumps */
                return size == XT_ALIGN(sizeof(struct xt_standard_target)) &&
                       get_standard(name, rule);
        e = get_extension(targets, ARRAY_SIZE(targets), data, size, rule);
        if (!e || size_of(e) != size)
                return false;
        rule->verdict = e->verdict;
        return true;
}
