/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rtnl-route.c - by which interfaces do packets leave the host? */

#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include "host/rtnl-socket.h"

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

static void add_hops(RouteSearch *s, const struct nlattr **attrs) {
        const struct rtnexthop *hop;
        int left;

        if (attrs[RTA_OIF])
                add_hop(s, (int) mnl_attr_get_u32(attrs[RTA_OIF]));
        if (!attrs[RTA_MULTIPATH])
                return;
        hop = mnl_attr_get_payload(attrs[RTA_MULTIPATH]);
        left = mnl_attr_get_payload_len(attrs[RTA_MULTIPATH]);
        while (left >= (int) sizeof(*hop) && RTNH_OK(hop, left)) {
                add_hop(s, hop->rtnh_ifindex);
                left -= (int) NLMSG_ALIGN(hop->rtnh_len);
                hop = RTNH_NEXT(hop);
        }
}

static uint32_t table_of(const struct rtmsg *rt, const struct nlattr **attrs) {
        return attrs[RTA_TABLE] ? mnl_attr_get_u32(attrs[RTA_TABLE]) : rt->rtm_table;
}

static void on_route(const struct nlmsghdr *h, void *userdata) {
        const struct nlattr *attrs[RTA_MAX + 1];
        RouteSearch *s = userdata;
        const struct rtmsg *rt;
        uint32_t metric;

        if (!net_parse(h, RTM_NEWROUTE, sizeof(*rt), attrs, RTA_MAX))
                return;
        rt = NLMSG_DATA(h);
        if (rt->rtm_family != s->family || rt->rtm_type != RTN_UNICAST || rt->rtm_dst_len != 0 ||
            rt->rtm_tos != 0 || (rt->rtm_flags & RTM_F_CLONED) || table_of(rt, attrs) != s->table)
                return;
        metric = attrs[RTA_PRIORITY] ? mnl_attr_get_u32(attrs[RTA_PRIORITY]) : 0;
        if (s->n > 0 && metric > s->metric)
                return;
        if (metric < s->metric)
                s->n = 0;
        s->metric = metric;
        add_hops(s, attrs);
}

static int find_default(Rtnl *rtnl, int family, uint32_t table, RouteSearch *ret) {
        struct rtmsg rt = { .rtm_family = (unsigned char) family,
                            .rtm_table =
                                    table <= UINT8_MAX ? (unsigned char) table : RT_TABLE_UNSPEC };
        NetRequest q;
        int r;

        *ret = (RouteSearch){ .family = family, .table = table, .metric = UINT32_MAX };
        net_request(&q, RTM_GETROUTE, 0, &rt, sizeof(rt));
        if (table > UINT8_MAX)
                mnl_attr_put_u32(&q.header, RTA_TABLE, table);
        r = net_dump(rtnl, &q, on_route, ret);
        return r == -ENOENT ? 0 : r; /* there is no such table */
}

static int name_hops(const RouteSearch *s, char (*ret)[IFNAMSIZ], size_t max) {
        size_t n = 0;

        for (size_t i = 0; i < s->n && n < max; i++)
                n += if_indextoname((unsigned) s->hops[i], ret[n]) != NULL;
        return (int) n;
}

/* ---- the way of one packet ---- */

static void put_address(NetRequest *q, uint16_t type, const IpAddress *a) {
        if (ip_address_is_v6(a))
                mnl_attr_put(&q->header, type, sizeof(a->v6), &a->v6);
        else
                mnl_attr_put(&q->header, type, sizeof(a->v4), &a->v4);
}

/* from NULL: one of the host's own. */
static void route_request(NetRequest *q, const IpAddress *from, const IpAddress *to, int in) {
        bool v6 = ip_address_is_v6(to);
        unsigned char bits = v6 ? 128 : 32;
        /* IPv6 tells the table always, and refuses the flag. */
        struct rtmsg rt = { .rtm_family = v6 ? AF_INET6 : AF_INET,
                            .rtm_dst_len = bits,
                            .rtm_src_len = from ? bits : 0,
                            .rtm_flags = v6 ? 0 : RTM_F_LOOKUP_TABLE };

        net_request(q, RTM_GETROUTE, 0, &rt, sizeof(rt));
        put_address(q, RTA_DST, to);
        if (!from)
                return;
        put_address(q, RTA_SRC, from);
        mnl_attr_put_u32(&q->header, RTA_IIF, (uint32_t) in);
}

typedef struct Way {
        int out; /* the interface */
        uint32_t table;
} Way;

static void on_answer(const struct nlmsghdr *h, void *userdata) {
        const struct nlattr *attrs[RTA_MAX + 1];
        Way *way = userdata;

        if (!net_parse(h, RTM_NEWROUTE, sizeof(struct rtmsg), attrs, RTA_MAX) || !attrs[RTA_OIF])
                return;
        way->out = (int) mnl_attr_get_u32(attrs[RTA_OIF]);
        way->table = table_of(NLMSG_DATA(h), attrs);
}

static int find_way(Rtnl *rtnl, const IpAddress *from, const IpAddress *to, int in, Way *ret) {
        NetRequest q;
        int r;

        *ret = (Way){};
        route_request(&q, from, to, in);
        r = net_ask(rtnl, &q, on_answer, ret);
        if (r < 0)
                return r;
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
