/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rtnl.c - links, addresses, neighbours and the default route, over one rtnetlink connection.
 *
 * Reading is done by targeted requests, or by dumps that newer kernels filter
 * (NETLINK_GET_STRICT_CHK); older ones send everything, so each callback looks for itself as well.
 */

#include <linux/if_addr.h>
#include <linux/neighbour.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/socket.h>

#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/route/addr.h>
#include <netlink/route/link.h>
#include <netlink/route/neighbour.h>
#include <netlink/socket.h>

#include "host/nl-errno.h"
#include "host/rtnl.h"

#define DUMP_ATTEMPTS 5
#define ANSWER_MAX    65536 /* twice what the kernel puts into one */

struct Rtnl {
        struct nl_sock *sock;
};

DEFINE_CLEANUP(struct nl_sock *, nl_socket_free)
DEFINE_CLEANUP(struct nl_msg *, nlmsg_free)
DEFINE_CLEANUP(struct nl_cb *, nl_cb_put)
DEFINE_CLEANUP(struct nl_addr *, nl_addr_put)
DEFINE_CLEANUP(struct rtnl_link *, rtnl_link_put)
DEFINE_CLEANUP(struct rtnl_addr *, rtnl_addr_put)
DEFINE_CLEANUP(struct rtnl_neigh *, rtnl_neigh_put)

static int open_socket(struct nl_sock **ret) {
        _cleanup_(nl_socket_freep) struct nl_sock *sock = nl_socket_alloc();
        int r;

        if (!sock)
                return -ENOMEM;
        r = nl_to_errno(nl_connect(sock, NETLINK_ROUTE));
        if (r < 0)
                return r;
        /* Else libnl asks for the size of each answer before it reads it. */
        r = nl_to_errno(nl_socket_set_msg_buf_size(sock, ANSWER_MAX));
        if (r < 0)
                return r;
        nl_socket_disable_msg_peek(sock);
        /* Kernels before 4.20 do not know it. */
        (void) setsockopt(nl_socket_get_fd(sock), SOL_NETLINK, NETLINK_GET_STRICT_CHK, &(int){ 1 },
                          sizeof(int));
        *ret = TAKE_PTR(sock);
        return 0;
}

int rtnl_open(Rtnl **ret) {
        _cleanup_(rtnl_closep) Rtnl *rtnl = calloc(1, sizeof(*rtnl));
        int r;

        if (!rtnl)
                return -ENOMEM;
        r = open_socket(&rtnl->sock);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(rtnl);
        return 0;
}

Rtnl *rtnl_close(Rtnl *rtnl) {
        if (!rtnl)
                return NULL;
        nl_socket_free(rtnl->sock);
        free(rtnl);
        return NULL;
}

/* The result of an exchange. An error that is not the kernel's plain answer may have left an answer
 * unread, which would be taken for that of the next request, or the two sides at different numbers:
 * a new connection begins anew. */
static int exchanged(Rtnl *rtnl, int nle) {
        struct nl_sock *sock = NULL;

        switch (-nle) {
        case NLE_SUCCESS:
        case NLE_NODEV:
        case NLE_OBJ_NOTFOUND:
        case NLE_EXIST:
        case NLE_NOADDR:
        case NLE_PERM:
        case NLE_BUSY:
        case NLE_DUMP_INTR:
                break;
        default:
                if (nle < 0 && open_socket(&sock) >= 0) {
                        nl_socket_free(rtnl->sock);
                        rtnl->sock = sock;
                }
        }
        return nl_to_errno(nle);
}

/* Sends a dump request and calls fn for each message of the answer. */
static int dump_once(Rtnl *rtnl, struct nl_msg *request, nl_recvmsg_msg_cb_t fn, void *userdata) {
        _cleanup_(nl_cb_putp) struct nl_cb *cb = nl_cb_alloc(NL_CB_DEFAULT);
        int r;

        if (!cb)
                return -ENOMEM;
        nl_cb_set(cb, NL_CB_VALID, NL_CB_CUSTOM, fn, userdata);
        r = nl_send_auto(rtnl->sock, request);
        if (r >= 0)
                r = nl_recvmsgs(rtnl->sock, cb);
        return r < 0 ? exchanged(rtnl, r) : 0;
}

/* The same until no change of the tables came between; what fn has seen twice must do no harm. */
static int dump(Rtnl *rtnl, struct nl_msg *request, nl_recvmsg_msg_cb_t fn, void *userdata) {
        int r = -EAGAIN;

        for (int i = 0; i < DUMP_ATTEMPTS && r == -EAGAIN; i++) {
                nlmsg_hdr(request)->nlmsg_seq = NL_AUTO_SEQ;
                r = dump_once(rtnl, request, fn, userdata);
        }
        return r;
}

static int dump_request(int type, void *header, size_t size, struct nl_msg **ret) {
        struct nl_msg *m = nlmsg_alloc_simple(type, NLM_F_DUMP);

        if (!m)
                return -ENOMEM;
        if (nlmsg_append(m, header, size, NLMSG_ALIGNTO) < 0) {
                nlmsg_free(m);
                return -ENOMEM;
        }
        *ret = m;
        return 0;
}

static bool attr_is_ipv4(const struct nlattr *a, struct in_addr address) {
        return a && nla_len(a) == sizeof(address) &&
               memcmp(nla_data(a), &address, sizeof(address)) == 0;
}

/* Exactly one of index and ifname is given; the other is 0 or NULL. */
static int link_load(Rtnl *rtnl, int index, const char *ifname, struct rtnl_link **ret) {
        int r = rtnl_link_get_kernel(rtnl->sock, index, ifname, ret);

        r = exchanged(rtnl, r >= 0 && !*ret ? -NLE_SEQ_MISMATCH : r);
        return r == -ENOENT ? -ENODEV : r;
}

int net_link_get(Rtnl *rtnl, const char *ifname, RtnlLink *ret) {
        _cleanup_(rtnl_link_putp) struct rtnl_link *link = NULL;
        const char *alias;
        int r = link_load(rtnl, 0, ifname, &link);

        if (r < 0)
                return r;
        alias = rtnl_link_get_ifalias(link);
        *ret = (RtnlLink){
                .index = rtnl_link_get_ifindex(link),
                .flags = rtnl_link_get_flags(link),
                .mtu = rtnl_link_get_mtu(link),
        };
        if (alias)
                strncpy(ret->alias, alias, sizeof(ret->alias) - 1);
        return 0;
}

/* What one setter of a link compares and changes. */
typedef struct LinkSetting {
        bool (*is_so)(struct rtnl_link *link, const void *value);
        void (*set)(struct rtnl_link *change, const void *value);
} LinkSetting;

static int link_set(Rtnl *rtnl, int index, const LinkSetting *setting, const void *value) {
        _cleanup_(rtnl_link_putp) struct rtnl_link *link = NULL, *change = NULL;
        int r = link_load(rtnl, index, NULL, &link);

        if (r < 0)
                return r;
        if (setting->is_so(link, value))
                return 0;
        change = rtnl_link_alloc();
        if (!change)
                return -ENOMEM;
        setting->set(change, value);
        r = exchanged(rtnl, rtnl_link_change(rtnl->sock, link, change, 0));
        return r < 0 ? r : 1;
}

static bool alias_is_so(struct rtnl_link *link, const void *value) {
        const char *alias = rtnl_link_get_ifalias(link);

        return streq(alias ?: "", value);
}

static void alias_set(struct rtnl_link *change, const void *value) {
        rtnl_link_set_ifalias(change, value);
}

int net_link_set_alias(Rtnl *rtnl, int index, const char *alias) {
        static const LinkSetting setting = { alias_is_so, alias_set };

        return link_set(rtnl, index, &setting, alias);
}

static bool mtu_is_so(struct rtnl_link *link, const void *value) {
        return rtnl_link_get_mtu(link) == *(const unsigned *) value;
}

static void mtu_set(struct rtnl_link *change, const void *value) {
        rtnl_link_set_mtu(change, *(const unsigned *) value);
}

int net_link_set_mtu(Rtnl *rtnl, int index, unsigned mtu) {
        static const LinkSetting setting = { mtu_is_so, mtu_set };

        return link_set(rtnl, index, &setting, &mtu);
}

static bool up_is_so(struct rtnl_link *link, const void *value) {
        return (rtnl_link_get_flags(link) & *(const unsigned *) value) != 0;
}

static void up_set(struct rtnl_link *change, const void *value) {
        rtnl_link_set_flags(change, *(const unsigned *) value);
}

int net_link_set_up(Rtnl *rtnl, int index) {
        static const LinkSetting setting = { up_is_so, up_set };

        return link_set(rtnl, index, &setting, &(unsigned){ IFF_UP });
}

/* One look through the host's IPv4 addresses. */
typedef struct AddressSearch {
        struct in_addr address;
        int index;  /* on this interface only, 0 = on any */
        int except; /* not on this one */
        int found;  /* index of the interface that has it, 0 = none */
        unsigned prefix;
} AddressSearch;

static int on_address(struct nl_msg *msg, void *userdata) {
        struct nlmsghdr *h = nlmsg_hdr(msg);
        struct nlattr *attrs[IFA_MAX + 1];
        AddressSearch *s = userdata;
        const struct ifaddrmsg *ifa;

        if (h->nlmsg_type != RTM_NEWADDR || nlmsg_parse(h, sizeof(*ifa), attrs, IFA_MAX, NULL) < 0)
                return NL_OK;
        ifa = nlmsg_data(h);
        if (ifa->ifa_family != AF_INET || (s->index > 0 && (int) ifa->ifa_index != s->index) ||
            (int) ifa->ifa_index == s->except || !attr_is_ipv4(attrs[IFA_LOCAL], s->address))
                return NL_OK;
        s->found = (int) ifa->ifa_index;
        s->prefix = ifa->ifa_prefixlen;
        return NL_OK;
}

static int address_search(Rtnl *rtnl, AddressSearch *s) {
        _cleanup_(nlmsg_freep) struct nl_msg *m = NULL;
        struct ifaddrmsg ifa = { .ifa_family = AF_INET, .ifa_index = (unsigned) s->index };
        int r = dump_request(RTM_GETADDR, &ifa, sizeof(ifa), &m);

        return r < 0 ? r : dump(rtnl, m, on_address, s);
}

static int address_object(int index, struct in_addr address, unsigned prefix,
                          struct rtnl_addr **ret) {
        _cleanup_(rtnl_addr_putp) struct rtnl_addr *a = rtnl_addr_alloc();
        _cleanup_(nl_addr_putp) struct nl_addr *local =
                nl_addr_build(AF_INET, &address, sizeof(address));
        int r;

        if (!a || !local)
                return -ENOMEM;
        nl_addr_set_prefixlen(local, (int) prefix);
        rtnl_addr_set_ifindex(a, index);
        r = nl_to_errno(rtnl_addr_set_local(a, local));
        if (r < 0)
                return r;
        *ret = TAKE_PTR(a);
        return 0;
}

static int address_add(Rtnl *rtnl, int index, struct in_addr address, unsigned prefix) {
        _cleanup_(rtnl_addr_putp) struct rtnl_addr *a = NULL;
        int r = address_object(index, address, prefix, &a);

        return r < 0 ? r : exchanged(rtnl, rtnl_addr_add(rtnl->sock, a, NLM_F_EXCL));
}

static int address_delete(Rtnl *rtnl, int index, struct in_addr address, unsigned prefix) {
        _cleanup_(rtnl_addr_putp) struct rtnl_addr *a = NULL;
        int r = address_object(index, address, prefix, &a);

        if (r >= 0)
                r = exchanged(rtnl, rtnl_addr_delete(rtnl->sock, a, 0));
        return r == -EADDRNOTAVAIL ? 0 : r;
}

int net_address_set(Rtnl *rtnl, int index, struct in_addr address, unsigned prefix) {
        AddressSearch s = { .address = address, .index = index };
        int r = address_search(rtnl, &s);

        if (r < 0)
                return r;
        if (s.found > 0 && s.prefix == prefix)
                return 0;
        if (s.found > 0) {
                r = address_delete(rtnl, index, address, s.prefix);
                if (r < 0)
                        return r;
        }
        r = address_add(rtnl, index, address, prefix);
        return r < 0 ? r : 1;
}

/* One look for a permanent neighbour entry. */
typedef struct NeighbourSearch {
        struct in_addr address;
        const struct ether_addr *mac;
        int index;
        bool found;
} NeighbourSearch;

static int on_neighbour(struct nl_msg *msg, void *userdata) {
        struct nlmsghdr *h = nlmsg_hdr(msg);
        struct nlattr *attrs[NDA_MAX + 1], *mac;
        NeighbourSearch *s = userdata;
        const struct ndmsg *nd;

        if (h->nlmsg_type != RTM_NEWNEIGH || nlmsg_parse(h, sizeof(*nd), attrs, NDA_MAX, NULL) < 0)
                return NL_OK;
        nd = nlmsg_data(h);
        mac = attrs[NDA_LLADDR];
        if (nd->ndm_ifindex == s->index && nd->ndm_state == NUD_PERMANENT &&
            attr_is_ipv4(attrs[NDA_DST], s->address) && mac && nla_len(mac) == sizeof(*s->mac) &&
            memcmp(nla_data(mac), s->mac, sizeof(*s->mac)) == 0)
                s->found = true;
        return NL_OK;
}

static int neighbour_search(Rtnl *rtnl, NeighbourSearch *s) {
        _cleanup_(nlmsg_freep) struct nl_msg *m = NULL;
        struct ndmsg nd = { .ndm_family = AF_INET };
        int r = dump_request(RTM_GETNEIGH, &nd, sizeof(nd), &m);

        if (r < 0)
                return r;
        if (nla_put_u32(m, NDA_IFINDEX, (uint32_t) s->index) < 0)
                return -ENOMEM;
        return dump(rtnl, m, on_neighbour, s);
}

int net_neighbour_set(Rtnl *rtnl, int index, struct in_addr address, const struct ether_addr *mac) {
        _cleanup_(rtnl_neigh_putp) struct rtnl_neigh *n = NULL;
        _cleanup_(nl_addr_putp) struct nl_addr *dst = NULL, *lladdr = NULL;
        NeighbourSearch s = { .address = address, .mac = mac, .index = index };
        int r = neighbour_search(rtnl, &s);

        if (r < 0)
                return r;
        if (s.found)
                return 0;
        n = rtnl_neigh_alloc();
        dst = nl_addr_build(AF_INET, &address, sizeof(address));
        lladdr = nl_addr_build(AF_LLC, mac, sizeof(*mac));
        if (!n || !dst || !lladdr)
                return -ENOMEM;
        rtnl_neigh_set_ifindex(n, index);
        rtnl_neigh_set_state(n, NUD_PERMANENT);
        rtnl_neigh_set_lladdr(n, lladdr);
        r = nl_to_errno(rtnl_neigh_set_dst(n, dst));
        if (r >= 0)
                r = exchanged(rtnl, rtnl_neigh_add(rtnl->sock, n, NLM_F_CREATE | NLM_F_REPLACE));
        return r < 0 ? r : 1;
}

/* One look for the default route. */
typedef struct RouteSearch {
        int index; /* 0 = none seen yet */
        uint32_t metric;
} RouteSearch;

/* The interface of a route: its own, or that of the first of several next hops. */
static int route_interface(struct nlattr **attrs) {
        const struct rtnexthop *hop;

        if (attrs[RTA_OIF])
                return (int) nla_get_u32(attrs[RTA_OIF]);
        if (!attrs[RTA_MULTIPATH] || (size_t) nla_len(attrs[RTA_MULTIPATH]) < sizeof(*hop))
                return 0;
        hop = nla_data(attrs[RTA_MULTIPATH]);
        return hop->rtnh_ifindex;
}

static int on_route(struct nl_msg *msg, void *userdata) {
        struct nlmsghdr *h = nlmsg_hdr(msg);
        struct nlattr *attrs[RTA_MAX + 1];
        RouteSearch *s = userdata;
        const struct rtmsg *rt;
        uint32_t metric, table;
        int index;

        if (h->nlmsg_type != RTM_NEWROUTE || nlmsg_parse(h, sizeof(*rt), attrs, RTA_MAX, NULL) < 0)
                return NL_OK;
        rt = nlmsg_data(h);
        table = attrs[RTA_TABLE] ? nla_get_u32(attrs[RTA_TABLE]) : rt->rtm_table;
        if (rt->rtm_family != AF_INET || rt->rtm_type != RTN_UNICAST || rt->rtm_dst_len != 0 ||
            rt->rtm_tos != 0 || (rt->rtm_flags & RTM_F_CLONED) || table != RT_TABLE_MAIN)
                return NL_OK;
        index = route_interface(attrs);
        metric = attrs[RTA_PRIORITY] ? nla_get_u32(attrs[RTA_PRIORITY]) : 0;
        if (index > 0 && (s->index == 0 || metric < s->metric))
                *s = (RouteSearch){ .index = index, .metric = metric };
        return NL_OK;
}

int net_default_uplink(Rtnl *rtnl, char ret_ifname[static IFNAMSIZ]) {
        _cleanup_(nlmsg_freep) struct nl_msg *m = NULL;
        struct rtmsg rt = { .rtm_family = AF_INET, .rtm_table = RT_TABLE_MAIN };
        RouteSearch s = {};
        int r = dump_request(RTM_GETROUTE, &rt, sizeof(rt), &m);

        if (r >= 0)
                r = dump(rtnl, m, on_route, &s);
        if (r < 0)
                return r;
        if (s.index == 0)
                return -ENETUNREACH;
        return if_indextoname((unsigned) s.index, ret_ifname) ? 0 : -errno;
}

int net_address_owner(Rtnl *rtnl, struct in_addr address, int except,
                      char ret_ifname[static IFNAMSIZ]) {
        AddressSearch s = { .address = address, .except = except };
        int r = address_search(rtnl, &s);

        if (r < 0)
                return r;
        if (s.found == 0)
                return 0;
        return if_indextoname((unsigned) s.found, ret_ifname) ? 1 : -errno;
}

typedef struct PublicSearch {
        unsigned index;
        IpAddress *addresses;
        size_t n, max;
} PublicSearch;

static int on_public_address(struct nl_msg *msg, void *userdata) {
        struct nlmsghdr *h = nlmsg_hdr(msg);
        struct nlattr *attrs[IFA_MAX + 1];
        PublicSearch *s = userdata;
        const struct ifaddrmsg *ifa;
        struct in_addr a;

        if (h->nlmsg_type != RTM_NEWADDR || nlmsg_parse(h, sizeof(*ifa), attrs, IFA_MAX, NULL) < 0)
                return NL_OK;
        ifa = nlmsg_data(h);
        if (ifa->ifa_family != AF_INET || ifa->ifa_index != s->index ||
            ifa->ifa_scope != RT_SCOPE_UNIVERSE || !attrs[IFA_LOCAL] ||
            nla_len(attrs[IFA_LOCAL]) != sizeof(a) || s->n == s->max)
                return NL_OK;
        memcpy(&a, nla_data(attrs[IFA_LOCAL]), sizeof(a));
        if (ntohl(a.s_addr) >> 24 != IN_LOOPBACKNET)
                s->addresses[s->n++] = (IpAddress){ .v4 = a };
        return NL_OK;
}

int net_public_addresses(Rtnl *rtnl, const char *ifname, IpAddress *ret, size_t max) {
        _cleanup_(nlmsg_freep) struct nl_msg *m = NULL;
        PublicSearch s = { .index = if_nametoindex(ifname), .addresses = ret, .max = max };
        struct ifaddrmsg ifa = { .ifa_family = AF_INET, .ifa_index = s.index };
        int r;

        if (s.index == 0)
                return -errno;
        r = dump_request(RTM_GETADDR, &ifa, sizeof(ifa), &m);
        if (r >= 0)
                r = dump(rtnl, m, on_public_address, &s);
        return r < 0 ? r : (int) s.n;
}
