/* SPDX-License-Identifier: GPL-2.0-or-later */
/* uplink.c - the host's uplinks, and their public addresses. */

#include <sys/socket.h>

#include "daemon/net/uplink.h"

static const struct {
        int domain;
        const char *key, *routes;
} families[NAT_FAMILY_MAX] = {
        [NAT_IPV4] = { AF_INET, "Uplink", "routes" },
        [NAT_IPV6] = { AF_INET6, "Uplink6", "IPv6 routes" },
};

/* Those named in the configuration; n = 0: they are to be found. IPv6 goes the way of IPv4 unless
 * it has one of its own. */
static const Uplinks *named(const Config *c, NatFamily family) {
        return family == NAT_IPV6 && c->uplinks6.n > 0 ? &c->uplinks6 : &c->uplinks;
}

static int find_uplinks(const Net *net, NatFamily family, Uplinks *ret, Fault *f) {
        const Uplinks *wanted = named(net->host->config, family);
        int n;

        *ret = *wanted;
        if (wanted->n > 0 || (family == NAT_IPV6 && !net_has_ipv6(net)))
                return 0;
        n = net_default_uplinks(net->rtnl, families[family].domain, ret->list,
                                ARRAY_SIZE(ret->list));
        if (n < 0)
                return fault_set(f, VERDICT_NETWORK, true, n,
                                 "%s=auto: cannot read the host's %s: %m", families[family].key,
                                 families[family].routes);
        ret->n = (size_t) n;
        return 0;
}

/* One that is configured may appear later, and one that was found may be gone by now. */
static int add_addresses(const Net *net, const char *uplink, NatFamily family, PublicAddresses *to,
                         Fault *f) {
        int n = net_public_addresses(net->rtnl, uplink, families[family].domain, to->list + to->n,
                                     ARRAY_SIZE(to->list) - to->n);

        if (n == -ENODEV)
                return 0;
        if (n < 0)
                return fault_set(f, VERDICT_NETWORK, true, n,
                                 "%s: cannot read the addresses of the uplink: %m", uplink);
        to->n += (size_t) n;
        return 0;
}

static int find_addresses(const Net *net, const Uplinks *uplinks, NatFamily family,
                          PublicAddresses *ret, Fault *f) {
        int r = 0;

        if (family == NAT_IPV6 && !net_has_ipv6(net))
                return 0;
        for (size_t i = 0; r >= 0 && i < uplinks->n; i++)
                r = add_addresses(net, uplinks->list[i], family, ret, f);
        return r;
}

/* Even a guest without IPv6 may have something of a host that has nothing else: relays. */
static bool has_any_way(const Net *net, const Uplinks found[static NAT_FAMILY_MAX]) {
        char name[1][IFNAMSIZ];

        return found[NAT_IPV4].n > 0 || found[NAT_IPV6].n > 0 ||
               net_default_uplinks(net->rtnl, AF_INET6, name, 1) > 0;
}

static int find_all(const Net *net, Uplinks uplinks[static NAT_FAMILY_MAX],
                    PublicAddresses addresses[static NAT_FAMILY_MAX], Fault *f) {
        int r = 0;

        for (NatFamily i = 0; r >= 0 && i < NAT_FAMILY_MAX; i++)
                r = find_uplinks(net, i, &uplinks[i], f);
        if (r < 0)
                return r;
        if (!has_any_way(net, uplinks))
                return fault_set(f, VERDICT_NETWORK, true, -ENETUNREACH,
                                 "Uplink=auto: the host has no default route; give it one, or name "
                                 "the interface in Uplink=");
        if (uplinks[NAT_IPV6].n == 0 && net_has_ipv6(net)) /* whose address may come later */
                uplinks[NAT_IPV6] = uplinks[NAT_IPV4];
        for (NatFamily i = 0; i < NAT_FAMILY_MAX; i++)
                if (uplinks[i].n == 0)
                        uplinks[i] = net->uplinks[i];
        for (NatFamily i = 0; r >= 0 && i < NAT_FAMILY_MAX; i++)
                r = find_addresses(net, &uplinks[i], i, &addresses[i], f);
        return r;
}

static bool same_uplinks(const Uplinks *a, const Uplinks *b) {
        bool same = a->n == b->n;

        for (size_t i = 0; same && i < a->n; i++)
                same = streq(a->list[i], b->list[i]);
        return same;
}

static bool same_addresses(const PublicAddresses *a, const PublicAddresses *b) {
        return a->n == b->n && memcmp(a->list, b->list, a->n * sizeof(a->list[0])) == 0;
}

int net_find_uplink(Net *net, Fault *f) {
        PublicAddresses addresses[NAT_FAMILY_MAX] = {};
        Uplinks uplinks[NAT_FAMILY_MAX] = {};
        bool same = true;
        int r = find_all(net, uplinks, addresses, f);

        if (r < 0)
                return r;
        for (NatFamily i = 0; i < NAT_FAMILY_MAX; i++)
                same &= same_uplinks(&uplinks[i], &net->uplinks[i]) &&
                        same_addresses(&addresses[i], &net->public[i]);
        memcpy(net->uplinks, uplinks, sizeof(net->uplinks));
        memcpy(net->public, addresses, sizeof(net->public));
        return !same;
}
