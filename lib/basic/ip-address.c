/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ip-address.c - compares, parses and formats addresses of either family. */

#include <arpa/inet.h>

#include "basic/ip-address.h"
#include "basic/parse-util.h"

bool ip_address_equal(const IpAddress *a, const IpAddress *b) {
        return a->v4.s_addr == b->v4.s_addr && memcmp(&a->v6, &b->v6, sizeof(a->v6)) == 0;
}

bool ip_address_is_v6(const IpAddress *a) {
        return memcmp(&a->v6, &in6addr_any, sizeof(a->v6)) != 0;
}

bool ip_address_is_any(const IpAddress *a) {
        return a->v4.s_addr == INADDR_ANY && !ip_address_is_v6(a);
}

bool ip_address_is_unicast(const IpAddress *a) {
        uint32_t v4 = ntohl(a->v4.s_addr) >> 24;

        if (!ip_address_is_v6(a))
                return v4 != 0 && v4 != IN_LOOPBACKNET && v4 < 224;
        return !IN6_IS_ADDR_V4COMPAT(&a->v6) && !IN6_IS_ADDR_V4MAPPED(&a->v6) &&
               !IN6_IS_ADDR_LOOPBACK(&a->v6) && !IN6_IS_ADDR_MULTICAST(&a->v6) &&
               !IN6_IS_ADDR_LINKLOCAL(&a->v6);
}

int ip_address_parse(const char *s, IpAddress *ret) {
        IpAddress a = {};

        if (inet_pton(AF_INET, s, &a.v4) != 1 && inet_pton(AF_INET6, s, &a.v6) != 1)
                return -EINVAL;
        *ret = a;
        return 0;
}

char *ip_address_format(const IpAddress *a, char buf[static IP_ADDRESS_TEXT_MAX]) {
        bool v6 = ip_address_is_v6(a);
        const void *bytes = v6 ? (const void *) &a->v6 : &a->v4;

        (void) inet_ntop(v6 ? AF_INET6 : AF_INET, bytes, buf, IP_ADDRESS_TEXT_MAX);
        return buf;
}

static uint8_t *bytes_of(IpAddress *a, size_t *ret_size) {
        bool v6 = ip_address_is_v6(a);

        *ret_size = v6 ? sizeof(a->v6) : sizeof(a->v4);
        return v6 ? (uint8_t *) &a->v6 : (uint8_t *) &a->v4;
}

IpPrefix ip_prefix_of(const IpAddress *a, unsigned bits) {
        IpPrefix p;
        uint8_t *bytes;
        size_t size;

        memset(&p, 0, sizeof(p)); /* prefixes are compared as bytes */
        p.address = *a;
        bytes = bytes_of(&p.address, &size);
        if (bits == 0 || bits >= size * 8)
                return p;
        p.bits = (uint8_t) bits;
        for (size_t i = 0; i < size; i++, bits -= MIN(bits, 8U))
                bytes[i] &= (uint8_t) (0xff00U >> MIN(bits, 8U));
        return p;
}

int ip_prefix_parse(const char *s, IpPrefix *ret) {
        struct in6_addr v6;
        IpAddress a = {};
        unsigned bits = 0;

        if (!strchr(s, '/')) {
                if (ip_address_parse(s, &a) < 0 || ip_address_is_any(&a))
                        return -EINVAL;
                *ret = ip_prefix_of(&a, 0);
                return 0;
        }
        if (parse_ipv4_prefix(s, &a.v4, &bits) < 0) {
                if (parse_ipv6_prefix(s, &v6, &bits) < 0)
                        return -EINVAL;
                a = (IpAddress){ .v6 = v6 };
        }
        if (bits == 0)
                return -EINVAL;
        *ret = ip_prefix_of(&a, bits);
        return ip_address_is_any(&ret->address) ? -EINVAL : 0;
}

bool ip_prefix_has(const IpPrefix *p, const IpAddress *a) {
        bool v6 = ip_address_is_v6(&p->address) || p->bits > 32; /* such as ::/64 */
        IpPrefix other;

        if (v6 != ip_address_is_v6(a))
                return false;
        other = ip_prefix_of(a, p->bits);
        return ip_address_equal(&p->address, &other.address);
}
