/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The address of one machine, of either family. */

#include <netinet/in.h>

#include "basic/macro.h"

/* The member of the other family is zero; {} is any address, or none. */
typedef struct IpAddress {
        struct in_addr v4;
        struct in6_addr v6;
} IpAddress;

bool ip_address_equal(const IpAddress *a, const IpAddress *b);
bool ip_address_is_any(const IpAddress *a);
bool ip_address_is_v6(const IpAddress *a);

/* Can it be the address of a single machine? It is not "any", a loopback or multicast address, an
 * IPv4 address written as IPv6, or a link-local one. */
bool ip_address_is_unicast(const IpAddress *a);

/* "ADDRESS" of either family. -EINVAL: it is neither. */
int ip_address_parse(const char *s, IpAddress *ret);

/* The addresses that begin with the same bits. */
typedef struct IpPrefix {
        IpAddress address; /* without further bits */
        uint8_t bits;      /* 0 = the single address */
} IpPrefix;

/* Of an address in it; a number of bits beyond an address is the single address. */
IpPrefix ip_prefix_of(const IpAddress *a, unsigned bits);
/* All addresses, rather than those of a network that begins with zeros? */
static inline bool ip_prefix_is_any(const IpPrefix *p) {
        return p->bits == 0 && ip_address_is_any(&p->address);
}
/* "ADDRESS/BITS" of either family, or the single "ADDRESS". -EINVAL: it is neither, or means all
 * addresses. */
int ip_prefix_parse(const char *s, IpPrefix *ret);
bool ip_prefix_has(const IpPrefix *p, const IpAddress *a);

#define IP_ADDRESS_TEXT_MAX INET6_ADDRSTRLEN
char *ip_address_format(const IpAddress *a, char buf[static IP_ADDRESS_TEXT_MAX]);
