/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rtnl-route.c - by which interface would a packet leave? */

#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <netlink/msg.h>
#include <netlink/netlink.h>

#include "host/nl-errno.h"
#include "host/rtnl-socket.h"

DEFINE_CLEANUP(struct nl_cb *, nl_cb_put)

static int put_address(struct nl_msg *m, int type, const IpAddress *a) {
        return ip_address_is_v6(a) ? nla_put(m, type, sizeof(a->v6), &a->v6)
                                   : nla_put(m, type, sizeof(a->v4), &a->v4);
}

static int route_request(const IpAddress *from, const IpAddress *to, int in, struct nl_msg **ret) {
        bool v6 = ip_address_is_v6(to);
        struct rtmsg rt = { .rtm_family = v6 ? AF_INET6 : AF_INET,
                            .rtm_dst_len = v6 ? 128 : 32,
                            .rtm_src_len = v6 ? 128 : 32 };
        _cleanup_(nlmsg_freep) struct nl_msg *m = nlmsg_alloc_simple(RTM_GETROUTE, 0);

        if (!m || nlmsg_append(m, &rt, sizeof(rt), NLMSG_ALIGNTO) < 0 ||
            put_address(m, RTA_DST, to) < 0 || put_address(m, RTA_SRC, from) < 0 ||
            nla_put_u32(m, RTA_IIF, (uint32_t) in) < 0)
                return -ENOMEM;
        *ret = TAKE_PTR(m);
        return 0;
}

static int on_answer(struct nl_msg *msg, void *userdata) {
        struct nlattr *attrs[RTA_MAX + 1];
        int *out = userdata;

        if (nlmsg_parse(nlmsg_hdr(msg), sizeof(struct rtmsg), attrs, RTA_MAX, NULL) >= 0 &&
            attrs[RTA_OIF])
                *out = (int) nla_get_u32(attrs[RTA_OIF]);
        return NL_OK;
}

int net_route_out(Rtnl *rtnl, const IpAddress *from, const IpAddress *to, int in) {
        _cleanup_(nl_cb_putp) struct nl_cb *cb = nl_cb_alloc(NL_CB_DEFAULT);
        _cleanup_(nlmsg_freep) struct nl_msg *m = NULL;
        int out = 0, r = cb ? route_request(from, to, in, &m) : -ENOMEM;

        if (r < 0)
                return r;
        nl_cb_set(cb, NL_CB_VALID, NL_CB_CUSTOM, on_answer, &out);
        r = nl_send_auto(net_socket(rtnl), m);
        if (r >= 0)
                r = nl_recvmsgs(net_socket(rtnl), cb);
        if (r >= 0)
                r = nl_wait_for_ack(net_socket(rtnl));
        if (r < 0)
                return net_exchanged(rtnl, r);
        return out > 0 ? out : -ENETUNREACH;
}
