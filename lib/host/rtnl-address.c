/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rtnl-address.c - addresses of both families, and neighbours. */

#include <linux/if_addr.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <netlink/route/addr.h>
#include <netlink/route/neighbour.h>

#include "host/nl-errno.h"
#include "host/rtnl-socket.h"

DEFINE_CLEANUP(struct nl_addr *, nl_addr_put)
DEFINE_CLEANUP(struct rtnl_addr *, rtnl_addr_put)
DEFINE_CLEANUP(struct rtnl_neigh *, rtnl_neigh_put)

static int family_of(const IpAddress *a) {
        return ip_address_is_v6(a) ? AF_INET6 : AF_INET;
}

static const void *bytes_of(const IpAddress *a) {
        return ip_address_is_v6(a) ? (const void *) &a->v6 : &a->v4;
}

static size_t size_of(int family) {
        return family == AF_INET6 ? sizeof(struct in6_addr) : sizeof(struct in_addr);
}

static bool attr_is(const struct nlattr *attr, const IpAddress *a) {
        size_t size = size_of(family_of(a));

        return attr && (size_t) nla_len(attr) == size &&
               memcmp(nla_data(attr), bytes_of(a), size) == 0;
}

/* IPv6 has a separate local address only if there is a peer as well. */
static struct nlattr *local_of(struct nlattr **attrs, int family) {
        return attrs[IFA_LOCAL] || family == AF_INET ? attrs[IFA_LOCAL] : attrs[IFA_ADDRESS];
}

/* One search through the host's addresses. */
typedef struct AddressSearch {
        const IpAddress *address;
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
        if (ifa->ifa_family != family_of(s->address) ||
            (s->index > 0 && (int) ifa->ifa_index != s->index) ||
            (int) ifa->ifa_index == s->except ||
            !attr_is(local_of(attrs, ifa->ifa_family), s->address))
                return NL_OK;
        s->found = (int) ifa->ifa_index;
        s->prefix = ifa->ifa_prefixlen;
        return NL_OK;
}

static int address_search(Rtnl *rtnl, AddressSearch *s) {
        _cleanup_(nlmsg_freep) struct nl_msg *m = NULL;
        struct ifaddrmsg ifa = { .ifa_family = (uint8_t) family_of(s->address),
                                 .ifa_index = (unsigned) s->index };
        int r = net_dump_request(RTM_GETADDR, &ifa, sizeof(ifa), &m);

        return r < 0 ? r : net_dump(rtnl, m, on_address, s);
}

static int address_object(int index, const IpAddress *address, unsigned prefix,
                          struct rtnl_addr **ret) {
        _cleanup_(rtnl_addr_putp) struct rtnl_addr *a = rtnl_addr_alloc();
        _cleanup_(nl_addr_putp) struct nl_addr *local =
                nl_addr_build(family_of(address), bytes_of(address), size_of(family_of(address)));
        int r;

        if (!a || !local)
                return -ENOMEM;
        nl_addr_set_prefixlen(local, (int) prefix);
        rtnl_addr_set_ifindex(a, index);
        /* Nobody else is on our links, so there is no need to wait a second for duplicate address
         * detection. */
        if (ip_address_is_v6(address))
                rtnl_addr_set_flags(a, IFA_F_NODAD);
        r = nl_to_errno(rtnl_addr_set_local(a, local));
        if (r < 0)
                return r;
        *ret = TAKE_PTR(a);
        return 0;
}

static int address_add(Rtnl *rtnl, int index, const IpAddress *address, unsigned prefix) {
        _cleanup_(rtnl_addr_putp) struct rtnl_addr *a = NULL;
        int r = address_object(index, address, prefix, &a);

        return r < 0 ? r : net_exchanged(rtnl, rtnl_addr_add(net_socket(rtnl), a, NLM_F_EXCL));
}

static int address_delete(Rtnl *rtnl, int index, const IpAddress *address, unsigned prefix) {
        _cleanup_(rtnl_addr_putp) struct rtnl_addr *a = NULL;
        int r = address_object(index, address, prefix, &a);

        if (r >= 0)
                r = net_exchanged(rtnl, rtnl_addr_delete(net_socket(rtnl), a, 0));
        return r == -EADDRNOTAVAIL ? 0 : r;
}

int net_address_set(Rtnl *rtnl, int index, const IpAddress *address, unsigned prefix) {
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

int net_address_owner(Rtnl *rtnl, const IpAddress *address, int except,
                      char ret_ifname[static IFNAMSIZ]) {
        AddressSearch s = { .address = address, .except = except };
        int r = address_search(rtnl, &s);

        if (r < 0)
                return r;
        if (s.found == 0)
                return 0;
        return if_indextoname((unsigned) s.found, ret_ifname) ? 1 : -errno;
}

typedef struct NetworkSearch {
        const IpPrefix *network;
        int except, found;
        IpPrefix owner;
} NetworkSearch;

static int on_address6(struct nl_msg *msg, void *userdata) {
        struct nlmsghdr *h = nlmsg_hdr(msg);
        struct nlattr *attrs[IFA_MAX + 1];
        NetworkSearch *s = userdata;
        const struct ifaddrmsg *ifa;
        IpAddress a = {};

        if (h->nlmsg_type != RTM_NEWADDR || nlmsg_parse(h, sizeof(*ifa), attrs, IFA_MAX, NULL) < 0)
                return NL_OK;
        ifa = nlmsg_data(h);
        if (ifa->ifa_family != AF_INET6 || ifa->ifa_scope != RT_SCOPE_UNIVERSE ||
            (int) ifa->ifa_index == s->except || ifa->ifa_prefixlen < s->network->bits ||
            ifa->ifa_prefixlen == 128 || !attrs[IFA_ADDRESS] ||
            nla_len(attrs[IFA_ADDRESS]) != sizeof(a.v6))
                return NL_OK;
        memcpy(&a.v6, nla_data(attrs[IFA_ADDRESS]), sizeof(a.v6));
        if (!ip_prefix_has(s->network, &a))
                return NL_OK;
        s->found = (int) ifa->ifa_index;
        s->owner = ip_prefix_of(&a, ifa->ifa_prefixlen);
        return NL_OK;
}

int net_network6_owner(Rtnl *rtnl, const IpPrefix *network, int except, IpPrefix *ret,
                       char ret_ifname[static IFNAMSIZ]) {
        _cleanup_(nlmsg_freep) struct nl_msg *m = NULL;
        NetworkSearch s = { .network = network, .except = except };
        struct ifaddrmsg ifa = { .ifa_family = AF_INET6 };
        int r = net_dump_request(RTM_GETADDR, &ifa, sizeof(ifa), &m);

        if (r >= 0)
                r = net_dump(rtnl, m, on_address6, &s);
        if (r < 0 || s.found == 0)
                return r;
        *ret = s.owner;
        return if_indextoname((unsigned) s.found, ret_ifname) ? 1 : -errno;
}

typedef struct PublicSearch {
        int family;
        unsigned index;
        IpAddress *addresses; /* one of these two: the addresses */
        IpPrefix *networks;   /* the networks that they are in */
        size_t n, max;
} PublicSearch;

static void add_network(PublicSearch *s, const IpAddress *a, unsigned bits) {
        IpPrefix p = ip_prefix_of(a, bits);

        for (size_t i = 0; i < s->n; i++)
                if (memcmp(&s->networks[i], &p, sizeof(p)) == 0)
                        return;
        if (p.bits > 0)
                s->networks[s->n++] = p;
}

/* Such an IPv6 address must not be used: it is tentative, a duplicate, or deprecated. */
#define UNUSABLE (IFA_F_TENTATIVE | IFA_F_DADFAILED | IFA_F_DEPRECATED)

static bool is_usable(const struct ifaddrmsg *ifa, const IpAddress *a) {
        if (ifa->ifa_family == AF_INET6)
                return !(ifa->ifa_flags & UNUSABLE);
        return ntohl(a->v4.s_addr) >> 24 != IN_LOOPBACKNET;
}

static int on_public_address(struct nl_msg *msg, void *userdata) {
        struct nlmsghdr *h = nlmsg_hdr(msg);
        struct nlattr *attrs[IFA_MAX + 1], *local;
        PublicSearch *s = userdata;
        const struct ifaddrmsg *ifa;
        IpAddress a = {};

        if (h->nlmsg_type != RTM_NEWADDR || nlmsg_parse(h, sizeof(*ifa), attrs, IFA_MAX, NULL) < 0)
                return NL_OK;
        ifa = nlmsg_data(h);
        local = local_of(attrs, ifa->ifa_family);
        if (ifa->ifa_family != s->family || ifa->ifa_index != s->index ||
            ifa->ifa_scope != RT_SCOPE_UNIVERSE || !local ||
            (size_t) nla_len(local) != size_of(s->family) || s->n == s->max)
                return NL_OK;
        memcpy(s->family == AF_INET6 ? (void *) &a.v6 : &a.v4, nla_data(local), size_of(s->family));
        if (!is_usable(ifa, &a))
                return NL_OK;
        if (s->addresses)
                s->addresses[s->n++] = a;
        else
                add_network(s, &a, ifa->ifa_prefixlen);
        return NL_OK;
}

static int search_public(Rtnl *rtnl, const char *ifname, PublicSearch *s) {
        _cleanup_(nlmsg_freep) struct nl_msg *m = NULL;
        struct ifaddrmsg ifa = { .ifa_family = (uint8_t) s->family };
        int r;

        s->index = if_nametoindex(ifname);
        if (s->index == 0)
                return -errno;
        ifa.ifa_index = s->index;
        r = net_dump_request(RTM_GETADDR, &ifa, sizeof(ifa), &m);
        if (r >= 0)
                r = net_dump(rtnl, m, on_public_address, s);
        return r < 0 ? r : (int) s->n;
}

int net_public_addresses(Rtnl *rtnl, const char *ifname, int family, IpAddress *ret, size_t max) {
        PublicSearch s = { .family = family, .addresses = ret, .max = max };

        return search_public(rtnl, ifname, &s);
}

int net_connected(Rtnl *rtnl, const char *ifname, int family, IpPrefix *ret, size_t max) {
        PublicSearch s = { .family = family, .networks = ret, .max = max };

        return search_public(rtnl, ifname, &s);
}

/* One search for a permanent neighbour entry, or for one of the proxy table. */
typedef struct NeighbourSearch {
        const IpAddress *address;
        const struct ether_addr *mac; /* NULL: of the proxy table */
        int index;
        bool found;
} NeighbourSearch;

static bool is_wanted(const NeighbourSearch *s, const struct ndmsg *nd, const struct nlattr *mac) {
        if (!s->mac)
                return nd->ndm_flags & NTF_PROXY;
        return nd->ndm_state == NUD_PERMANENT && mac && nla_len(mac) == sizeof(*s->mac) &&
               memcmp(nla_data(mac), s->mac, sizeof(*s->mac)) == 0;
}

static int on_neighbour(struct nl_msg *msg, void *userdata) {
        struct nlmsghdr *h = nlmsg_hdr(msg);
        struct nlattr *attrs[NDA_MAX + 1];
        NeighbourSearch *s = userdata;
        const struct ndmsg *nd;

        if (h->nlmsg_type != RTM_NEWNEIGH || nlmsg_parse(h, sizeof(*nd), attrs, NDA_MAX, NULL) < 0)
                return NL_OK;
        nd = nlmsg_data(h);
        if (nd->ndm_ifindex == s->index && attr_is(attrs[NDA_DST], s->address) &&
            is_wanted(s, nd, attrs[NDA_LLADDR]))
                s->found = true;
        return NL_OK;
}

static int neighbour_search(Rtnl *rtnl, NeighbourSearch *s) {
        _cleanup_(nlmsg_freep) struct nl_msg *m = NULL;
        struct ndmsg nd = { .ndm_family = (uint8_t) family_of(s->address),
                            .ndm_flags = s->mac ? 0 : NTF_PROXY };
        int r = net_dump_request(RTM_GETNEIGH, &nd, sizeof(nd), &m);

        if (r < 0)
                return r;
        if (nla_put_u32(m, NDA_IFINDEX, (uint32_t) s->index) < 0)
                return -ENOMEM;
        return net_dump(rtnl, m, on_neighbour, s);
}

int net_neighbour_set(Rtnl *rtnl, int index, const IpAddress *address,
                      const struct ether_addr *mac) {
        _cleanup_(rtnl_neigh_putp) struct rtnl_neigh *n = NULL;
        _cleanup_(nl_addr_putp) struct nl_addr *dst = NULL, *lladdr = NULL;
        NeighbourSearch s = { .address = address, .mac = mac, .index = index };
        int r = neighbour_search(rtnl, &s);

        if (r < 0)
                return r;
        if (s.found)
                return 0;
        n = rtnl_neigh_alloc();
        dst = nl_addr_build(family_of(address), bytes_of(address), size_of(family_of(address)));
        lladdr = nl_addr_build(AF_LLC, mac, sizeof(*mac));
        if (!n || !dst || !lladdr)
                return -ENOMEM;
        rtnl_neigh_set_ifindex(n, index);
        rtnl_neigh_set_state(n, NUD_PERMANENT);
        rtnl_neigh_set_lladdr(n, lladdr);
        r = nl_to_errno(rtnl_neigh_set_dst(n, dst));
        if (r >= 0)
                r = net_exchanged(
                        rtnl, rtnl_neigh_add(net_socket(rtnl), n, NLM_F_CREATE | NLM_F_REPLACE));
        return r < 0 ? r : 1;
}

int net_neighbour_proxy_has(Rtnl *rtnl, int index, const IpAddress *address) {
        NeighbourSearch s = { .address = address, .index = index };
        int r = neighbour_search(rtnl, &s);

        return r < 0 ? r : s.found;
}

int net_neighbour_proxy_set(Rtnl *rtnl, int index, const IpAddress *address, bool on) {
        _cleanup_(rtnl_neigh_putp) struct rtnl_neigh *n = NULL;
        _cleanup_(nl_addr_putp) struct nl_addr *dst = NULL;
        int r = net_neighbour_proxy_has(rtnl, index, address);

        if (r < 0 || r == on)
                return MIN(r, 0);
        n = rtnl_neigh_alloc();
        dst = nl_addr_build(family_of(address), bytes_of(address), size_of(family_of(address)));
        if (!n || !dst)
                return -ENOMEM;
        rtnl_neigh_set_ifindex(n, index);
        rtnl_neigh_set_flags(n, NTF_PROXY);
        rtnl_neigh_set_state(n, NUD_PERMANENT);
        r = nl_to_errno(rtnl_neigh_set_dst(n, dst));
        if (r >= 0)
                r = net_exchanged(rtnl, on ? rtnl_neigh_add(net_socket(rtnl), n, NLM_F_CREATE)
                                           : rtnl_neigh_delete(net_socket(rtnl), n, 0));
        return r < 0 ? r : 1;
}
