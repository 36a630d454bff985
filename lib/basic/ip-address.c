/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ip-address.c - compares, parses and formats addresses of either family. */

#include <arpa/inet.h>

#include "basic/ip-address.h"

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
