/* SPDX-License-Identifier: GPL-2.0-or-later */
/* xt-match.c - does a rule of iptables match a packet? */

#include <stdio.h>

#include "nat/walk.h"
#include "nat/xt-match.h"

/* After glibc's headers: only in this order are the two compatible. */
#include <linux/netfilter/nf_nat.h>
#include <linux/netfilter/x_tables.h>
#include <linux/netfilter/xt_addrtype.h>
#include <linux/netfilter/xt_conntrack.h>
#include <linux/netfilter/xt_multiport.h>
#include <linux/netfilter/xt_state.h>
#include <linux/netfilter/xt_tcpudp.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netfilter_ipv6/ip6_tables.h>

#define TCP_SYN       0x02
#define TCP_ACK       0x10
#define TYPE_LOCAL    (1U << 2) /* of an address: 1 << RTN_LOCAL */
#define SET_INVERTED  0x01      /* flags of the match "set" */
#define SET_OF_SOURCE 0x02      /* its first dimension is the source */

static Match in_range(uint16_t port, uint16_t first, uint16_t last) {
        if (first == 0 && last == UINT16_MAX)
                return MATCH_YES;
        return port == 0 ? MATCH_MAYBE : match_of(first <= port && port <= last);
}

static Match invert_if(Match m, bool inverted) {
        return inverted ? match_not(m) : m;
}

static Match judge_tcp(const void *data, const Packet *p) {
        const struct xt_tcp *t = data;
        uint8_t flags = p->reply ? TCP_ACK : TCP_SYN;
        Match m[] = {
                invert_if(in_range(p->source_port, t->spts[0], t->spts[1]),
                          t->invflags & XT_TCP_INV_SRCPT),
                invert_if(in_range(p->destination_port, t->dpts[0], t->dpts[1]),
                          t->invflags & XT_TCP_INV_DSTPT),
                invert_if(match_of((flags & t->flg_mask) == t->flg_cmp),
                          t->invflags & XT_TCP_INV_FLAGS),
                t->option ? MATCH_MAYBE : MATCH_YES,
        };

        return match_both(match_both(m[0], m[1]), match_both(m[2], m[3]));
}

static Match judge_udp(const void *data, const Packet *p) {
        const struct xt_udp *u = data;
        Match source = invert_if(in_range(p->source_port, u->spts[0], u->spts[1]),
                                 u->invflags & XT_UDP_INV_SRCPT),
              destination = invert_if(in_range(p->destination_port, u->dpts[0], u->dpts[1]),
                                      u->invflags & XT_UDP_INV_DSTPT);

        return match_both(source, destination);
}

static Match judge_multiport(const void *data, const Packet *p) {
        const struct xt_multiport_v1 *v = data;
        uint16_t port = v->flags == XT_MULTIPORT_SOURCE ? p->source_port : p->destination_port;
        Match found = MATCH_NO;

        if (v->flags == XT_MULTIPORT_EITHER)
                return MATCH_MAYBE;
        for (unsigned i = 0; i < MIN((unsigned) v->count, (unsigned) XT_MULTI_PORTS); i++) {
                bool range = v->pflags[i] && i + 1 < XT_MULTI_PORTS;
                Match m = in_range(port, v->ports[i], v->ports[i + range]);

                found = MAX(found, m);
                i += range;
        }
        return invert_if(found, v->invert);
}

/* ---- connection tracking ---- */

static unsigned states_of(const Packet *p) {
        return XT_CONNTRACK_STATE_BIT(p->reply ? IP_CT_ESTABLISHED : IP_CT_NEW) |
               (p->dnat ? XT_CONNTRACK_STATE_DNAT : 0);
}

static Match judge_states(unsigned mask, const Packet *p) {
        return match_of(mask & states_of(p));
}

static Match judge_conntrack(uint8_t revision, const void *data, const Packet *p) {
        const unsigned judged =
                XT_CONNTRACK_STATE | XT_CONNTRACK_STATE_ALIAS | XT_CONNTRACK_DIRECTION;
        const struct xt_conntrack_mtinfo1 *old = data;
        const struct xt_conntrack_mtinfo3 *new = data;
        bool is_old = revision == 1;
        unsigned flags = is_old ? old->match_flags : new->match_flags,
                 inverted = is_old ? old->invert_flags : new->invert_flags,
                 states = is_old ? old->state_mask : new->state_mask;
        Match m = MATCH_YES;

        if (flags & XT_CONNTRACK_STATE)
                m = invert_if(judge_states(states, p), inverted & XT_CONNTRACK_STATE);
        if (flags & XT_CONNTRACK_DIRECTION) /* the flag's inversion means the reply */
                m = match_both(m, match_of(p->reply == !!(inverted & XT_CONNTRACK_DIRECTION)));
        return flags & ~judged ? match_both(m, MATCH_MAYBE) : m;
}

/* ---- the rest ---- */

static Match judge_addrtype(const void *data, const Packet *p) {
        const struct xt_addrtype_info_v1 *v = data;
        Match m;

        if (v->source || v->dest != TYPE_LOCAL || p->reply)
                return MATCH_MAYBE;
        m = match_of(p->hook <= PACKET_INPUT && !ip_address_is_any(&p->destination));
        return invert_if(m, v->flags & XT_ADDRTYPE_INVERT_DEST);
}

/* The sets of ipset(8) are lists of those that somebody has named. */
static Match judge_set(const void *data) {
        const uint8_t *info = data;
        uint8_t flags = info[3];

        return flags & SET_OF_SOURCE ? match_of(flags & SET_INVERTED) : MATCH_MAYBE;
}

Match xt_match_judge(const char *name, uint8_t revision, const void *data, size_t size,
                     const Packet *p) {
        if (streq(name, "comment") || streq(name, "limit")) /* the first packets do not exceed it */
                return MATCH_YES;
        if (streq(name, "tcp") && size >= sizeof(struct xt_tcp))
                return judge_tcp(data, p);
        if (streq(name, "udp") && size >= sizeof(struct xt_udp))
                return judge_udp(data, p);
        if (streq(name, "multiport") && revision == 1 && size >= sizeof(struct xt_multiport_v1))
                return judge_multiport(data, p);
        if (streq(name, "conntrack") && revision > 0 &&
            size >= (revision == 1 ? sizeof(struct xt_conntrack_mtinfo1)
                                   : sizeof(struct xt_conntrack_mtinfo2)))
                return judge_conntrack(revision, data, p);
        if (streq(name, "state") && size >= sizeof(struct xt_state_info))
                return judge_states(((const struct xt_state_info *) data)->statemask, p);
        if (streq(name, "addrtype") && revision == 1 && size >= sizeof(struct xt_addrtype_info_v1))
                return judge_addrtype(data, p);
        if (streq(name, "set") && revision > 0 && size >= 4)
                return judge_set(data);
        return MATCH_MAYBE;
}

int xt_target_step(const char *name) {
        static const struct {
                const char *name;
                StepKind kind;
        } steps[] = {
                { "ACCEPT", STEP_ACCEPT },   { "DROP", STEP_DROP },     { "REJECT", STEP_DROP },
                { "QUEUE", STEP_QUEUE },     { "NFQUEUE", STEP_QUEUE }, { "RETURN", STEP_RETURN },
                { "DNAT", STEP_TAKE },       { "REDIRECT", STEP_TAKE }, { "NETMAP", STEP_TAKE },
                { "MASQUERADE", STEP_TAKE }, { "SNAT", STEP_TAKE },     { "TARPIT", STEP_DROP },
                { "TPROXY", STEP_TAKE },
        };

        FOREACH_ELEMENT (s, steps)
                if (streq(name, s->name))
                        return (int) s->kind;
        return -ENOENT;
}

/* ---- entries ---- */

static Match judge_interface(const char *name, const char *wanted, const unsigned char *mask) {
        char padded[IFNAMSIZ] = "";

        snprintf(padded, sizeof(padded), "%s", name);
        for (size_t i = 0; i < IFNAMSIZ; i++)
                if ((padded[i] ^ wanted[i]) & (char) mask[i])
                        return MATCH_NO;
        return MATCH_YES;
}

/* The unknown machine has no address that a rule names. */
static Match judge_address(const void *address, bool known, const void *wanted, const void *mask,
                           size_t size) {
        const uint8_t *a = address, *w = wanted, *m = mask;
        bool any = true;

        for (size_t i = 0; i < size; i++) {
                any &= m[i] == 0;
                if (known && ((a[i] ^ w[i]) & m[i]))
                        return MATCH_NO;
        }
        return match_of(known || any);
}

static Match judge_head4(const struct ipt_ip *ip, const Packet *p) {
        Match m[] = {
                invert_if(judge_address(&p->source.v4, !ip_address_is_any(&p->source), &ip->src,
                                        &ip->smsk, sizeof(ip->src)),
                          ip->invflags & IPT_INV_SRCIP),
                invert_if(judge_address(&p->destination.v4, !ip_address_is_any(&p->destination),
                                        &ip->dst, &ip->dmsk, sizeof(ip->dst)),
                          ip->invflags & IPT_INV_DSTIP),
                invert_if(judge_interface(p->in, ip->iniface, ip->iniface_mask),
                          ip->invflags & IPT_INV_VIA_IN),
                invert_if(judge_interface(p->out, ip->outiface, ip->outiface_mask),
                          ip->invflags & IPT_INV_VIA_OUT),
                invert_if(match_of(ip->proto == 0 || ip->proto == p->protocol),
                          ip->invflags & IPT_INV_PROTO),
                invert_if(match_of(!(ip->flags & IPT_F_FRAG)), ip->invflags & IPT_INV_FRAG),
        };
        Match least = MATCH_YES;

        FOREACH_ELEMENT (each, m)
                least = match_both(least, *each);
        return least;
}

static Match judge_head6(const struct ip6t_ip6 *ip, const Packet *p) {
        bool any = !(ip->flags & IP6T_F_PROTO) || ip->proto == 0;
        Match m[] = {
                invert_if(judge_address(&p->source.v6, !ip_address_is_any(&p->source), &ip->src,
                                        &ip->smsk, sizeof(ip->src)),
                          ip->invflags & IP6T_INV_SRCIP),
                invert_if(judge_address(&p->destination.v6, !ip_address_is_any(&p->destination),
                                        &ip->dst, &ip->dmsk, sizeof(ip->dst)),
                          ip->invflags & IP6T_INV_DSTIP),
                invert_if(judge_interface(p->in, ip->iniface, ip->iniface_mask),
                          ip->invflags & IP6T_INV_VIA_IN),
                invert_if(judge_interface(p->out, ip->outiface, ip->outiface_mask),
                          ip->invflags & IP6T_INV_VIA_OUT),
                invert_if(match_of(any || ip->proto == p->protocol), ip->invflags & IP6T_INV_PROTO),
        };
        Match least = MATCH_YES;

        FOREACH_ELEMENT (each, m)
                least = match_both(least, *each);
        return least;
}

/* The part of an entry that every rule has. */
static Match judge_head(NatFamily family, const void *entry, const Packet *p) {
        return family == NAT_IPV6 ? judge_head6(&((const struct ip6t_entry *) entry)->ipv6, p)
                                  : judge_head4(&((const struct ipt_entry *) entry)->ip, p);
}

bool xt_entry_is_goto(NatFamily family, const void *entry) {
        return family == NAT_IPV6 ? ((const struct ip6t_entry *) entry)->ipv6.flags & IP6T_F_GOTO
                                  : ((const struct ipt_entry *) entry)->ip.flags & IPT_F_GOTO;
}

Match xt_entry_judge(NatFamily family, const void *entry, const Packet *p) {
        size_t at = family == NAT_IPV6 ? sizeof(struct ip6t_entry) : sizeof(struct ipt_entry),
               end = family == NAT_IPV6 ? ((const struct ip6t_entry *) entry)->target_offset
                                        : ((const struct ipt_entry *) entry)->target_offset;
        Match least = judge_head(family, entry, p);

        while (least != MATCH_NO && at + sizeof(struct xt_entry_match) <= end) {
                const struct xt_entry_match *m =
                        (const struct xt_entry_match *) ((const char *) entry + at);
                Match one = MATCH_MAYBE;

                if (m->u.match_size < sizeof(*m) || m->u.match_size > end - at)
                        return match_both(least, MATCH_MAYBE);
                if (memchr(m->u.user.name, '\0', sizeof(m->u.user.name)))
                        one = xt_match_judge(m->u.user.name, m->u.user.revision, m->data,
                                             m->u.match_size - sizeof(*m), p);
                least = match_both(least, one);
                at += m->u.match_size;
        }
        return least;
}
