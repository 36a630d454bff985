/* SPDX-License-Identifier: GPL-2.0-or-later */
/* uplink.c - the host's uplinks, and their public addresses. */

#include <sys/socket.h>

#include "basic/string-util.h"
#include "daemon/net/uplink.h"

/* The uplink for IPv4. */
static int find_uplink(const Net *net, char ret[static IFNAMSIZ], Fault *f) {
        int r;

        if (net->host->config->uplink[0]) {
                strcpy(ret, net->host->config->uplink);
                return 0;
        }
        r = net_default_uplink(net->rtnl, AF_INET, ret);
        if (r == -ENETUNREACH)
                return fault_set(f, VERDICT_NETWORK, true, r,
                                 "Uplink=auto: the host has no default route; give it one, or name "
                                 "the interface in Uplink=");
        if (r < 0)
                return fault_set(f, VERDICT_NETWORK, true, r,
                                 "Uplink=auto: cannot read the host's routes: %m");
        return 0;
}

/* IPv6 may have an uplink of its own, such as a tunnel. */
static int find_uplink6(const Net *net, const char *uplink, char ret[static IFNAMSIZ], Fault *f) {
        int r = -ENETUNREACH;

        if (!net->host->config->uplink[0] && net_has_ipv6(net))
                r = net_default_uplink(net->rtnl, AF_INET6, ret);
        if (r == -ENETUNREACH)
                strcpy(ret, uplink);
        else if (r < 0)
                return fault_set(f, VERDICT_NETWORK, true, r,
                                 "Uplink=auto: cannot read the host's IPv6 routes: %m");
        return 0;
}

static int find_addresses(const Net *net, const char *uplink, NatFamily family,
                          PublicAddresses *ret, Fault *f) {
        int n = 0;

        if (family == NAT_IPV4 || net_has_ipv6(net))
                n = net_public_addresses(net->rtnl, uplink, family == NAT_IPV4 ? AF_INET : AF_INET6,
                                         ret->list, ARRAY_SIZE(ret->list));
        if (n == -ENODEV && net->host->config->uplink[0])
                n = 0; /* one that is configured may appear later */
        if (n < 0)
                return fault_set(f, VERDICT_NETWORK, true, n,
                                 "%s: cannot read the addresses of the uplink: %m", uplink);
        ret->n = (size_t) n;
        return 0;
}

static bool same_addresses(const PublicAddresses *a, const PublicAddresses *b) {
        return a->n == b->n && memcmp(a->list, b->list, a->n * sizeof(a->list[0])) == 0;
}

int net_find_uplink(Net *net, Fault *f) {
        PublicAddresses found[NAT_FAMILY_MAX] = {};
        char uplink[NAT_FAMILY_MAX][IFNAMSIZ] = {};
        bool same = true;
        int r = find_uplink(net, uplink[NAT_IPV4], f);

        if (r >= 0)
                r = find_uplink6(net, uplink[NAT_IPV4], uplink[NAT_IPV6], f);
        for (NatFamily i = 0; r >= 0 && i < NAT_FAMILY_MAX; i++)
                r = find_addresses(net, uplink[i], i, &found[i], f);
        if (r < 0)
                return r;
        for (NatFamily i = 0; i < NAT_FAMILY_MAX; i++)
                same &= streq(uplink[i], net->uplink[i]) &&
                        same_addresses(&found[i], &net->public[i]);
        memcpy(net->uplink, uplink, sizeof(net->uplink));
        memcpy(net->public, found, sizeof(net->public));
        return !same;
}
