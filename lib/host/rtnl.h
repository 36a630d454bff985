/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Links, addresses, neighbours and routes through libnl-route, over one connection. Only the
 * files rtnl*.c and nl-errno.c use libnl, whose error codes look like -errno and are not
 * (nl-errno.h). The functions are called net_… because libnl owns the names rtnl_link_…: it would
 * call ours in place of its own. */

#include <net/if.h>
#include <netinet/ether.h>
#include <netinet/in.h>

#include "basic/cleanup.h"
#include "basic/ip-address.h"

typedef struct Rtnl Rtnl;

int rtnl_open(Rtnl **ret);
Rtnl *rtnl_close(Rtnl *rtnl);
DEFINE_CLEANUP(Rtnl *, rtnl_close)

typedef struct RtnlLink {
        int index;
        unsigned flags; /* IFF_UP … */
        unsigned mtu;
        char alias[64]; /* "" = none */
} RtnlLink;

/* -ENODEV: no such interface. */
int net_link_get(Rtnl *rtnl, const char *ifname, RtnlLink *ret);

/* Each setter checks first and changes only what differs: 1 = changed, 0 = was already so. */
int net_link_set_alias(Rtnl *rtnl, int index, const char *alias);
int net_link_set_mtu(Rtnl *rtnl, int index, unsigned mtu);
int net_link_set_up(Rtnl *rtnl, int index);
/* Other addresses of the interface are kept; the same address with another prefix length is
 * replaced. */
int net_address_set(Rtnl *rtnl, int index, const IpAddress *address, unsigned prefix);
/* A permanent neighbour entry, so that the first packet after a restart needs no ARP request. */
int net_neighbour_set(Rtnl *rtnl, int index, const IpAddress *address,
                      const struct ether_addr *mac);

/* The proxy table: on that interface the host answers for the address, if proxy_ndp (IPv4:
 * proxy_arp) is enabled. The kernel forgets an interface's entries when it is set down. 1 = it
 * does. */
int net_neighbour_proxy_has(Rtnl *rtnl, int index, const IpAddress *address);
int net_neighbour_proxy_set(Rtnl *rtnl, int index, const IpAddress *address, bool on);

/* The interfaces by which packets to the Internet may leave: all next hops of the default route of
 * that family, AF_INET or AF_INET6, with the lowest metric, and, if the host's routes and rules
 * (ip-rule(8)) send them another way, those of the default route of that table. As many as there is
 * space for; returns how many, 0 = there is no way. */
int net_default_uplinks(Rtnl *rtnl, int family, char (*ret)[IFNAMSIZ], size_t max);

/* Those of them by which packets of that address, which arrived by interface `in`, leave at
 * present; in = 0, or the kernel does not route such packets: the host's own. */
int net_ways_out(Rtnl *rtnl, int family, const IpAddress *from, int in, char (*ret)[IFNAMSIZ],
                 size_t max);

/* The index of the interface by which the host would send a packet on that came from that address,
 * by interface `in`. Negative: by none. */
int net_route_out(Rtnl *rtnl, const IpAddress *from, const IpAddress *to, int in);

/* The public addresses of an interface, of AF_INET or AF_INET6: of global scope, not of the
 * loopback network (venet0's first is 127.0.0.2), neither tentative nor deprecated. In the kernel's
 * order, the primary one first; as many as there is space for. Returns how many. */
int net_public_addresses(Rtnl *rtnl, const char *ifname, int family, IpAddress *ret, size_t max);

/* The networks of those addresses, without single addresses: what is directly behind the interface.
 */
int net_connected(Rtnl *rtnl, const char *ifname, int family, IpPrefix *ret, size_t max);

/* Is the address one of the host's own? 1 = yes (and on which interface, ignoring `except`), 0 =
 * no. */
int net_address_owner(Rtnl *rtnl, const IpAddress *address, int except,
                      char ret_ifname[static IFNAMSIZ]);

/* Does another interface have a global IPv6 address in this network, whose own network (*ret) is
 * not a wider one, nor a single address? 1 = yes, the host would take one for the other. */
int net_network6_owner(Rtnl *rtnl, const IpPrefix *network, int except, IpPrefix *ret,
                       char ret_ifname[static IFNAMSIZ]);

typedef enum NetworkUseKind {
        NETWORK_OF_ADDRESS, /* connected by an address of the host's */
        NETWORK_OF_ROUTE,
        NETWORK_OF_GATEWAY, /* the gateway itself, of any route */
} NetworkUseKind;

/* An IPv4 network that the host uses. */
typedef struct NetworkUse {
        NetworkUseKind kind;
        struct in_addr network; /* not necessarily without bits of the host part */
        unsigned prefix;
        int index;          /* of the interface, 0 = none */
        struct in_addr via; /* the host's address, or the gateway; 0.0.0.0 = none */
        uint32_t table;     /* of a route */
        bool elsewhere;     /* a route by a gateway, or one that refuses: nobody in it is nearby */
} NetworkUse;

typedef void (*NetworkUseFn)(const NetworkUse *use, void *userdata);

/* Calls fn for each: addresses first, then routes of all tables (default routes too, as their
 * prefix says), and their gateways; some may be seen twice. Those of interface `except` are left
 * out; 0 = none. */
int net_networks(Rtnl *rtnl, int except, NetworkUseFn fn, void *userdata);
