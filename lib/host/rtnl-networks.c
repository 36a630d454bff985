/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rtnl-networks.c - the IPv4 networks that the host uses: addresses, routes of all tables,
 * gateways. */

#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include "host/rtnl-socket.h"

/* One pass over all of them. */
typedef struct NetworkWalk {
        NetworkUseFn fn;
        void *userdata;
        int except; /* interface that does not count */
} NetworkWalk;

static bool get_ipv4(const struct nlattr *attr, struct in_addr *ret) {
        if (!attr || (size_t) nla_len(attr) != sizeof(*ret))
                return false;
        memcpy(ret, nla_data(attr), sizeof(*ret));
        return true;
}

static void report(const NetworkWalk *w, const NetworkUse *use) {
        if (use->index == 0 || use->index != w->except)
                w->fn(use, w->userdata);
}

/* A point-to-point link has an address of its own, and a network on the other side. */
static int on_address(struct nl_msg *msg, void *userdata) {
        struct nlmsghdr *h = nlmsg_hdr(msg);
        struct nlattr *attrs[IFA_MAX + 1];
        NetworkUse use = { .kind = NETWORK_OF_ADDRESS };
        const struct ifaddrmsg *ifa;
        struct in_addr peer;

        if (h->nlmsg_type != RTM_NEWADDR || nlmsg_parse(h, sizeof(*ifa), attrs, IFA_MAX, NULL) < 0)
                return NL_OK;
        ifa = nlmsg_data(h);
        if (ifa->ifa_family != AF_INET || !get_ipv4(attrs[IFA_LOCAL], &use.via))
                return NL_OK;
        use.index = (int) ifa->ifa_index;
        use.network = use.via;
        use.prefix = 32;
        report(userdata, &use);
        if (ifa->ifa_prefixlen < 32 || attrs[IFA_ADDRESS]) {
                use.network = get_ipv4(attrs[IFA_ADDRESS], &peer) ? peer : use.via;
                use.prefix = ifa->ifa_prefixlen;
                report(userdata, &use);
        }
        return NL_OK;
}

static void report_gateway(const NetworkWalk *w, struct in_addr gateway, int index) {
        const NetworkUse use = { .kind = NETWORK_OF_GATEWAY,
                                 .network = gateway,
                                 .prefix = 32,
                                 .index = index,
                                 .via = gateway };

        report(w, &use);
}

static void report_next_hops(const NetworkWalk *w, const struct nlattr *attr) {
        const struct rtnexthop *hop = nla_data(attr);
        int left = nla_len(attr);

        /* RTNH_OK() looks at the length of a hop before it is known that there is one. */
        for (; left >= (int) sizeof(*hop) && RTNH_OK(hop, left);
             left -= (int) RTNH_ALIGN(hop->rtnh_len), hop = RTNH_NEXT(hop)) {
                const struct nlattr *inner = (const struct nlattr *) RTNH_DATA(hop);
                int size = (int) hop->rtnh_len - (int) sizeof(*hop);
                struct in_addr gateway;

                if (get_ipv4(nla_find(inner, size, RTA_GATEWAY), &gateway))
                        report_gateway(w, gateway, hop->rtnh_ifindex);
        }
}

static void report_route(const NetworkWalk *w, const struct rtmsg *rt, struct nlattr **attrs) {
        NetworkUse use = { .kind = NETWORK_OF_ROUTE, .prefix = rt->rtm_dst_len };
        bool has_gateway;

        if (attrs[RTA_OIF])
                use.index = (int) nla_get_u32(attrs[RTA_OIF]);
        use.table = attrs[RTA_TABLE] ? nla_get_u32(attrs[RTA_TABLE]) : rt->rtm_table;
        has_gateway = get_ipv4(attrs[RTA_GATEWAY], &use.via);
        /* A network that is reached by a router, or not at all, may be divided further. */
        use.elsewhere = has_gateway || attrs[RTA_MULTIPATH] ||
                        (rt->rtm_type != RTN_UNICAST && rt->rtm_type != RTN_LOCAL);
        if (get_ipv4(attrs[RTA_DST], &use.network))
                report(w, &use);
        if (has_gateway)
                report_gateway(w, use.via, use.index);
        if (attrs[RTA_MULTIPATH])
                report_next_hops(w, attrs[RTA_MULTIPATH]);
}

static int on_route(struct nl_msg *msg, void *userdata) {
        struct nlmsghdr *h = nlmsg_hdr(msg);
        struct nlattr *attrs[RTA_MAX + 1];
        const struct rtmsg *rt;

        if (h->nlmsg_type != RTM_NEWROUTE || nlmsg_parse(h, sizeof(*rt), attrs, RTA_MAX, NULL) < 0)
                return NL_OK;
        rt = nlmsg_data(h);
        if (rt->rtm_family == AF_INET && !(rt->rtm_flags & RTM_F_CLONED) &&
            rt->rtm_type != RTN_BROADCAST && rt->rtm_type != RTN_MULTICAST)
                report_route(userdata, rt, attrs);
        return NL_OK;
}

int net_networks(Rtnl *rtnl, int except, NetworkUseFn fn, void *userdata) {
        _cleanup_(nlmsg_freep) struct nl_msg *addresses = NULL, *routes = NULL;
        NetworkWalk w = { .fn = fn, .userdata = userdata, .except = except };
        struct ifaddrmsg ifa = { .ifa_family = AF_INET };
        struct rtmsg rt = { .rtm_family = AF_INET };
        int r = net_dump_request(RTM_GETADDR, &ifa, sizeof(ifa), &addresses);

        if (r >= 0)
                r = net_dump(rtnl, addresses, on_address, &w);
        if (r >= 0)
                r = net_dump_request(RTM_GETROUTE, &rt, sizeof(rt), &routes);
        return r < 0 ? r : net_dump(rtnl, routes, on_route, &w);
}
