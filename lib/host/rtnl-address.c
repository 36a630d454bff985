/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rtnl-address.c - addresses of both families, and neighbours. */

#include <linux/if_addr.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include "host/rtnl-socket.h"

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

        return attr && mnl_attr_get_payload_len(attr) == size &&
               memcmp(mnl_attr_get_payload(attr), bytes_of(a), size) == 0;
}

/* IPv6 has a separate local address only if there is a peer as well. */
static const struct nlattr *local_of(const struct nlattr **attrs, int family) {
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

static void on_address(const struct nlmsghdr *h, void *userdata) {
        const struct nlattr *attrs[IFA_MAX + 1];
        AddressSearch *s = userdata;
        const struct ifaddrmsg *ifa;

        if (!net_parse(h, RTM_NEWADDR, sizeof(*ifa), attrs, IFA_MAX))
                return;
        ifa = NLMSG_DATA(h);
        if (ifa->ifa_family != family_of(s->address) ||
            (s->index > 0 && (int) ifa->ifa_index != s->index) ||
            (int) ifa->ifa_index == s->except ||
            !attr_is(local_of(attrs, ifa->ifa_family), s->address))
                return;
        s->found = (int) ifa->ifa_index;
        s->prefix = ifa->ifa_prefixlen;
}

static int address_search(Rtnl *rtnl, AddressSearch *s) {
        struct ifaddrmsg ifa = { .ifa_family = (uint8_t) family_of(s->address),
                                 .ifa_index = (unsigned) s->index };
        NetRequest q;

        net_request(&q, RTM_GETADDR, 0, &ifa, sizeof(ifa));
        return net_dump(rtnl, &q, on_address, s);
}

static void put_address(NetRequest *q, uint16_t type, const IpAddress *a) {
        mnl_attr_put(&q->header, type, size_of(family_of(a)), bytes_of(a));
}

/* Adds or deletes an address. */
static int address_change(Rtnl *rtnl, uint16_t type, uint16_t flags, int index, const IpAddress *a,
                          unsigned prefix) {
        struct ifaddrmsg ifa = { .ifa_family = (uint8_t) family_of(a),
                                 .ifa_prefixlen = (uint8_t) prefix,
                                 .ifa_index = (unsigned) index };
        NetRequest q;

        /* Nobody else is on our links, so there is no need to wait a second for duplicate address
         * detection. */
        if (ip_address_is_v6(a))
                ifa.ifa_flags = IFA_F_NODAD;
        net_request(&q, type, flags, &ifa, sizeof(ifa));
        put_address(&q, IFA_LOCAL, a);
        put_address(&q, IFA_ADDRESS, a);
        return net_ask(rtnl, &q, NULL, NULL);
}

int net_address_set(Rtnl *rtnl, int index, const IpAddress *address, unsigned prefix) {
        AddressSearch s = { .address = address, .index = index };
        int r = address_search(rtnl, &s);

        if (r < 0)
                return r;
        if (s.found > 0 && s.prefix == prefix)
                return 0;
        if (s.found > 0) {
                r = address_change(rtnl, RTM_DELADDR, 0, index, address, s.prefix);
                if (r < 0 && r != -EADDRNOTAVAIL)
                        return r;
        }
        r = address_change(rtnl, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, index, address, prefix);
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

static void on_address6(const struct nlmsghdr *h, void *userdata) {
        const struct nlattr *attrs[IFA_MAX + 1];
        NetworkSearch *s = userdata;
        const struct ifaddrmsg *ifa;
        IpAddress a = {};

        if (!net_parse(h, RTM_NEWADDR, sizeof(*ifa), attrs, IFA_MAX))
                return;
        ifa = NLMSG_DATA(h);
        if (ifa->ifa_family != AF_INET6 || ifa->ifa_scope != RT_SCOPE_UNIVERSE ||
            (int) ifa->ifa_index == s->except || ifa->ifa_prefixlen < s->network->bits ||
            ifa->ifa_prefixlen == 128 || !attrs[IFA_ADDRESS] ||
            mnl_attr_get_payload_len(attrs[IFA_ADDRESS]) != sizeof(a.v6))
                return;
        memcpy(&a.v6, mnl_attr_get_payload(attrs[IFA_ADDRESS]), sizeof(a.v6));
        if (!ip_prefix_has(s->network, &a))
                return;
        s->found = (int) ifa->ifa_index;
        s->owner = ip_prefix_of(&a, ifa->ifa_prefixlen);
}

int net_network6_owner(Rtnl *rtnl, const IpPrefix *network, int except, IpPrefix *ret,
                       char ret_ifname[static IFNAMSIZ]) {
        NetworkSearch s = { .network = network, .except = except };
        NetRequest q;
        int r;

        net_request(&q, RTM_GETADDR, 0, &(struct ifaddrmsg){ .ifa_family = AF_INET6 },
                    sizeof(struct ifaddrmsg));
        r = net_dump(rtnl, &q, on_address6, &s);
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

static void on_public_address(const struct nlmsghdr *h, void *userdata) {
        const struct nlattr *attrs[IFA_MAX + 1], *local;
        PublicSearch *s = userdata;
        const struct ifaddrmsg *ifa;
        IpAddress a = {};

        if (!net_parse(h, RTM_NEWADDR, sizeof(*ifa), attrs, IFA_MAX))
                return;
        ifa = NLMSG_DATA(h);
        local = local_of(attrs, ifa->ifa_family);
        if (ifa->ifa_family != s->family || ifa->ifa_index != s->index ||
            ifa->ifa_scope != RT_SCOPE_UNIVERSE || !local ||
            mnl_attr_get_payload_len(local) != size_of(s->family) || s->n == s->max)
                return;
        memcpy(s->family == AF_INET6 ? (void *) &a.v6 : &a.v4, mnl_attr_get_payload(local),
               size_of(s->family));
        if (!is_usable(ifa, &a))
                return;
        if (s->addresses)
                s->addresses[s->n++] = a;
        else
                add_network(s, &a, ifa->ifa_prefixlen);
}

static int search_public(Rtnl *rtnl, const char *ifname, PublicSearch *s) {
        struct ifaddrmsg ifa = { .ifa_family = (uint8_t) s->family };
        NetRequest q;
        int r;

        s->index = if_nametoindex(ifname);
        if (s->index == 0)
                return -errno;
        ifa.ifa_index = s->index;
        net_request(&q, RTM_GETADDR, 0, &ifa, sizeof(ifa));
        r = net_dump(rtnl, &q, on_public_address, s);
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
        return nd->ndm_state == NUD_PERMANENT && mac &&
               mnl_attr_get_payload_len(mac) == sizeof(*s->mac) &&
               memcmp(mnl_attr_get_payload(mac), s->mac, sizeof(*s->mac)) == 0;
}

static void on_neighbour(const struct nlmsghdr *h, void *userdata) {
        const struct nlattr *attrs[NDA_MAX + 1];
        NeighbourSearch *s = userdata;
        const struct ndmsg *nd;

        if (!net_parse(h, RTM_NEWNEIGH, sizeof(*nd), attrs, NDA_MAX))
                return;
        nd = NLMSG_DATA(h);
        if (nd->ndm_ifindex == s->index && attr_is(attrs[NDA_DST], s->address) &&
            is_wanted(s, nd, attrs[NDA_LLADDR]))
                s->found = true;
}

static int neighbour_search(Rtnl *rtnl, NeighbourSearch *s) {
        struct ndmsg nd = { .ndm_family = (uint8_t) family_of(s->address),
                            .ndm_flags = s->mac ? 0 : NTF_PROXY };
        NetRequest q;

        net_request(&q, RTM_GETNEIGH, 0, &nd, sizeof(nd));
        mnl_attr_put_u32(&q.header, NDA_IFINDEX, (uint32_t) s->index);
        return net_dump(rtnl, &q, on_neighbour, s);
}

/* Adds or deletes an entry. mac NULL: of the proxy table. */
static int neighbour_change(Rtnl *rtnl, uint16_t type, uint16_t flags, int index,
                            const IpAddress *address, const struct ether_addr *mac) {
        struct ndmsg nd = { .ndm_family = (uint8_t) family_of(address),
                            .ndm_ifindex = index,
                            .ndm_state = NUD_PERMANENT,
                            .ndm_flags = mac ? 0 : NTF_PROXY };
        NetRequest q;
        int r;

        net_request(&q, type, flags, &nd, sizeof(nd));
        put_address(&q, NDA_DST, address);
        if (mac)
                mnl_attr_put(&q.header, NDA_LLADDR, sizeof(*mac), mac);
        r = net_ask(rtnl, &q, NULL, NULL);
        return r < 0 ? r : 1;
}

int net_neighbour_set(Rtnl *rtnl, int index, const IpAddress *address,
                      const struct ether_addr *mac) {
        NeighbourSearch s = { .address = address, .mac = mac, .index = index };
        int r = neighbour_search(rtnl, &s);

        if (r < 0 || s.found)
                return r;
        return neighbour_change(rtnl, RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE, index, address,
                                mac);
}

int net_neighbour_proxy_has(Rtnl *rtnl, int index, const IpAddress *address) {
        NeighbourSearch s = { .address = address, .index = index };
        int r = neighbour_search(rtnl, &s);

        return r < 0 ? r : s.found;
}

int net_neighbour_proxy_set(Rtnl *rtnl, int index, const IpAddress *address, bool on) {
        int r = net_neighbour_proxy_has(rtnl, index, address);

        if (r < 0 || r == on)
                return MIN(r, 0);
        return on ? neighbour_change(rtnl, RTM_NEWNEIGH, NLM_F_CREATE, index, address, NULL)
                  : neighbour_change(rtnl, RTM_DELNEIGH, 0, index, address, NULL);
}
