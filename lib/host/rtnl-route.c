/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rtnl-route.c - by which interfaces do packets leave the host? */

#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <netlink/msg.h>
#include <netlink/netlink.h>

#include "host/rtnl-socket.h"

DEFINE_CLEANUP(struct nl_cb *, nl_cb_put)

#define HOPS_MAX 32

/* ---- default routes ---- */

/* One search for the default route of a table. */
typedef struct RouteSearch {
        int family;
        uint32_t table, metric;
        int hops[HOPS_MAX]; /* the interfaces of the route, or the routes, of that metric */
        size_t n;
} RouteSearch;

static void add_hop(RouteSearch *s, int index) {
        for (size_t i = 0; i < s->n; i++)
                if (s->hops[i] == index)
                        return;
        if (index > 0 && s->n < HOPS_MAX)
                s->hops[s->n++] = index;
}

static void add_hops(RouteSearch *s, struct nlattr **attrs) {
        const struct rtnexthop *hop;
        int left;

        if (attrs[RTA_OIF])
                add_hop(s, (int) nla_get_u32(attrs[RTA_OIF]));
        if (!attrs[RTA_MULTIPATH])
                return;
        hop = nla_data(attrs[RTA_MULTIPATH]);
        left = nla_len(attrs[RTA_MULTIPATH]);
        while (left >= (int) sizeof(*hop) && RTNH_OK(hop, left)) {
                add_hop(s, hop->rtnh_ifindex);
                left -= (int) NLMSG_ALIGN(hop->rtnh_len);
                hop = RTNH_NEXT(hop);
        }
}

static uint32_t table_of(const struct rtmsg *rt, struct nlattr **attrs) {
        return attrs[RTA_TABLE] ? nla_get_u32(attrs[RTA_TABLE]) : rt->rtm_table;
}

static int on_route(struct nl_msg *msg, void *userdata) {
        struct nlmsghdr *h = nlmsg_hdr(msg);
        struct nlattr *attrs[RTA_MAX + 1];
        RouteSearch *s = userdata;
        const struct rtmsg *rt;
        uint32_t metric;

        if (h->nlmsg_type != RTM_NEWROUTE || nlmsg_parse(h, sizeof(*rt), attrs, RTA_MAX, NULL) < 0)
                return NL_OK;
        rt = nlmsg_data(h);
        if (rt->rtm_family != s->family || rt->rtm_type != RTN_UNICAST || rt->rtm_dst_len != 0 ||
            rt->rtm_tos != 0 || (rt->rtm_flags & RTM_F_CLONED) || table_of(rt, attrs) != s->table)
                return NL_OK;
        metric = attrs[RTA_PRIORITY] ? nla_get_u32(attrs[RTA_PRIORITY]) : 0;
        if (s->n > 0 && metric > s->metric)
                return NL_OK;
        if (metric < s->metric)
                s->n = 0;
        s->metric = metric;
        add_hops(s, attrs);
        return NL_OK;
}

static int find_default(Rtnl *rtnl, int family, uint32_t table, RouteSearch *ret) {
        _cleanup_(nlmsg_freep) struct nl_msg *m = NULL;
        struct rtmsg rt = { .rtm_family = (unsigned char) family,
                            .rtm_table =
                                    table <= UINT8_MAX ? (unsigned char) table : RT_TABLE_UNSPEC };
        int r = net_dump_request(RTM_GETROUTE, &rt, sizeof(rt), &m);

        *ret = (RouteSearch){ .family = family, .table = table, .metric = UINT32_MAX };
        if (r >= 0 && table > UINT8_MAX && nla_put_u32(m, RTA_TABLE, table) < 0)
                r = -ENOMEM;
        r = r < 0 ? r : net_dump(rtnl, m, on_route, ret);
        return r == -ENOENT ? 0 : r; /* there is no such table */
}

static int name_hops(const RouteSearch *s, char (*ret)[IFNAMSIZ], size_t max) {
        size_t n = 0;

        for (size_t i = 0; i < s->n && n < max; i++)
                n += if_indextoname((unsigned) s->hops[i], ret[n]) != NULL;
        return (int) n;
}

/* ---- the way of one packet ---- */

static int put_address(struct nl_msg *m, int type, const IpAddress *a) {
        return ip_address_is_v6(a) ? nla_put(m, type, sizeof(a->v6), &a->v6)
                                   : nla_put(m, type, sizeof(a->v4), &a->v4);
}

/* from NULL: one of the host's own. */
static int route_request(const IpAddress *from, const IpAddress *to, int in, struct nl_msg **ret) {
        bool v6 = ip_address_is_v6(to);
        unsigned char bits = v6 ? 128 : 32;
        /* IPv6 tells the table always, and refuses the flag. */
        struct rtmsg rt = { .rtm_family = v6 ? AF_INET6 : AF_INET,
                            .rtm_dst_len = bits,
                            .rtm_src_len = from ? bits : 0,
                            .rtm_flags = v6 ? 0 : RTM_F_LOOKUP_TABLE };
        _cleanup_(nlmsg_freep) struct nl_msg *m = nlmsg_alloc_simple(RTM_GETROUTE, 0);

        if (!m || nlmsg_append(m, &rt, sizeof(rt), NLMSG_ALIGNTO) < 0 ||
            put_address(m, RTA_DST, to) < 0 ||
            (from &&
             (put_address(m, RTA_SRC, from) < 0 || nla_put_u32(m, RTA_IIF, (uint32_t) in) < 0)))
                return -ENOMEM;
        *ret = TAKE_PTR(m);
        return 0;
}

typedef struct Way {
        int out; /* the interface */
        uint32_t table;
} Way;

static int on_answer(struct nl_msg *msg, void *userdata) {
        struct nlattr *attrs[RTA_MAX + 1];
        Way *way = userdata;

        if (nlmsg_parse(nlmsg_hdr(msg), sizeof(struct rtmsg), attrs, RTA_MAX, NULL) < 0 ||
            !attrs[RTA_OIF])
                return NL_OK;
        way->out = (int) nla_get_u32(attrs[RTA_OIF]);
        way->table = table_of(nlmsg_data(nlmsg_hdr(msg)), attrs);
        return NL_OK;
}

static int find_way(Rtnl *rtnl, const IpAddress *from, const IpAddress *to, int in, Way *ret) {
        _cleanup_(nl_cb_putp) struct nl_cb *cb = nl_cb_alloc(NL_CB_DEFAULT);
        _cleanup_(nlmsg_freep) struct nl_msg *m = NULL;
        int r = cb ? route_request(from, to, in, &m) : -ENOMEM;

        *ret = (Way){};
        if (r < 0)
                return r;
        nl_cb_set(cb, NL_CB_VALID, NL_CB_CUSTOM, on_answer, ret);
        r = nl_send_auto(net_socket(rtnl), m);
        if (r >= 0)
                r = nl_recvmsgs(net_socket(rtnl), cb);
        if (r >= 0)
                r = nl_wait_for_ack(net_socket(rtnl));
        if (r < 0)
                return net_exchanged(rtnl, r);
        return ret->out > 0 ? 0 : -ENETUNREACH;
}

int net_route_out(Rtnl *rtnl, const IpAddress *from, const IpAddress *to, int in) {
        Way way;
        int r = find_way(rtnl, from, to, in, &way);

        return r < 0 ? r : way.out;
}

/* ---- all ways out ---- */

/* Nothing is sent to these. */
static const IpAddress far_away[] = {
        { .v4 = { 0x040029c6 } }, /* 198.41.0.4 */
        { .v6 = { { { 0x20, 0x01, 0x05, 0x03, 0xba, 0x3e, [13] = 0x02, [15] = 0x30 } } } },
};

static void add_all(RouteSearch *to, const RouteSearch *from) {
        for (size_t i = 0; i < from->n; i++)
                add_hop(to, from->hops[i]);
}

/* A VPN may have two halves of the Internet as routes of its own, or a table. */
static int add_way(Rtnl *rtnl, int family, RouteSearch *s) {
        RouteSearch other;
        Way way;
        int r = find_way(rtnl, NULL, &far_away[family == AF_INET6], 0, &way);

        if (r < 0) /* the host has no way itself, or does not tell */
                return 0;
        if (way.table != RT_TABLE_MAIN && way.table != RT_TABLE_UNSPEC) {
                r = find_default(rtnl, family, way.table, &other);
                if (r < 0)
                        return r;
                add_all(s, &other);
        }
        add_hop(s, way.out);
        return 0;
}

int net_default_uplinks(Rtnl *rtnl, int family, char (*ret)[IFNAMSIZ], size_t max) {
        RouteSearch s;
        int r = find_default(rtnl, family, RT_TABLE_MAIN, &s);

        if (r >= 0)
                r = add_way(rtnl, family, &s);
        if (r < 0)
                return r;
        return name_hops(&s, ret, max);
}

static bool has_hop(const RouteSearch *s, int index) {
        for (size_t i = 0; i < s->n; i++)
                if (s->hops[i] == index)
                        return true;
        return false;
}

/* -ENETUNREACH: packets have no way. */
static int find_ways(Rtnl *rtnl, int family, const IpAddress *from, int in, RouteSearch *ret) {
        Way way;
        int r = find_way(rtnl, from, &far_away[family == AF_INET6], in, &way);

        if (r < 0)
                return r;
        r = find_default(rtnl, family,
                         way.table == RT_TABLE_UNSPEC ? (uint32_t) RT_TABLE_MAIN : way.table, ret);
        if (r < 0)
                return r;
        if (!has_hop(ret, way.out)) /* a more specific route is in front of the default route */
                ret->n = 0;
        add_hop(ret, way.out);
        return 0;
}

int net_ways_out(Rtnl *rtnl, int family, const IpAddress *from, int in, char (*ret)[IFNAMSIZ],
                 size_t max) {
        RouteSearch s;
        int r = in > 0 ? find_ways(rtnl, family, from, in, &s) : -ENODEV;

        if (r < 0)
                r = find_ways(rtnl, family, NULL, 0, &s);
        if (r < 0) /* the kernel may not tell */
                r = find_default(rtnl, family, RT_TABLE_MAIN, &s);
        if (r < 0)
                return r;
        return name_hops(&s, ret, max);
}
