/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rules-plan.c - plans the guest's firewall rules from its configuration and the host's state. */

#include "daemon/net/rules-plan.h"
#include "daemon/net/bars.h"

Forward *net_guarded_ports(const Net *net) {
        const Config *c = net->host->config;
        Forward *ports = calloc(net->guard.n + c->n_proxies + 1, sizeof(*ports));

        for (size_t i = 0; ports && i < net->guard.n; i++)
                ports[i] = net->guard.ports[i].ports;
        if (ports && c->n_proxies > 0)
                memcpy(ports + net->guard.n, c->proxies, c->n_proxies * sizeof(*ports));
        return ports;
}

static const NatHostAccess host_access[HOST_ACCESS_MAX] = {
        [HOST_ACCESS_NO] = NAT_HOST_NO,
        [HOST_ACCESS_ICMP] = NAT_HOST_ICMP,
        [HOST_ACCESS_ALL] = NAT_HOST_ALL,
};

static bool named_address(const Net *net, NatFamily family) {
        return !ip_address_is_any(&net->host->config->snat_addresses[family]);
}

static NatSide nat_side(const Net *net, NatFamily family) {
        const PublicAddresses *own = &net->public[family];
        const Config *c = net->host->config;
        NatSide side = {
                .masquerade = net->masquerade[family] != MASQUERADE_NO,
                .public = own->list,
                .n_public = own->n,
                .uplinks = net->uplinks[family].list,
                .n_uplinks = net->uplinks[family].n,
        };

        if (net->masquerade[family] == MASQUERADE_SNAT)
                side.snat_address =
                        named_address(net, family) ? c->snat_addresses[family] : own->list[0];
        if (family == NAT_IPV4) {
                side.guest_address.v4 = c->guest_address;
                side.host_address.v4 = c->host_address;
        } else if (net_has_ipv6(net)) {
                side.guest_address.v6 = c->guest_address6;
                side.host_address.v6 = c->host_address6;
        }
        return side;
}

NatPlan net_plan(const Net *net, const Forward *guarded) {
        const Config *c = net->host->config;
        NatPlan plan = {
                .guest = c->name,
                .tap = c->tap,
                .uplink = net_uplink(net, NAT_IPV4),
                .side = { nat_side(net, NAT_IPV4), nat_side(net, NAT_IPV6) },
                .one_arm = c->one_arm,
                .hold_queue = net->hold_apart ? 0 : net->hold_queue,
                .hold_log = !net->lacking[NET_LACKS_RECORD],
                .hold_gate = net->moves,
                .clamp_mss = !net->lacking[NET_LACKS_MSS],
                .host_access = host_access[c->host_access],
                .proxied = c->proxies,
                .n_proxied = c->n_proxies,
                .forwards = c->forwards,
                .n_forwards = c->n_forwards,
                .guarded = guarded,
                .n_guarded = net->guard.n + (c->n_forwards > 0 ? c->n_proxies : 0),
        };

        net_bars_plan(net, &plan);
        return plan;
}

static bool can_masquerade(const Net *net, NatFamily family) {
        return net->maker.nat.backend->has_masquerade(&net->maker.nat, family);
}

/* What is configured; auto: what the host can. */
static Masquerade configured(const Config *c, NatFamily family) {
        if (family == NAT_IPV6 && c->masquerade6 != MASQUERADE_AUTO)
                return c->masquerade6;
        return c->masquerade;
}

bool net_masquerade_is_off(const Net *net, NatFamily family) {
        return configured(net->host->config, family) == MASQUERADE_NO;
}

static Masquerade choose_for(const Net *net, NatFamily family) {
        Masquerade wanted = configured(net->host->config, family);

        if (wanted == MASQUERADE_AUTO && named_address(net, family))
                return MASQUERADE_SNAT;
        if (wanted != MASQUERADE_AUTO)
                return wanted;
        return net->host->quiet || can_masquerade(net, family) ? MASQUERADE_MASQUERADE
                                                               : MASQUERADE_SNAT;
}

/* Is there an address for it? */
static bool can_snat(const Net *net, NatFamily family) {
        return net->public[family].n > 0 || named_address(net, family);
}

int net_masquerade_choose(Net *net, Fault *f) {
        Masquerade wanted = choose_for(net, NAT_IPV4);

        if (net->uplinks[NAT_IPV4].n == 0) /* there is nothing to go out by */
                wanted = MASQUERADE_NO;
        if (wanted == MASQUERADE_SNAT && !can_snat(net, NAT_IPV4))
                return fault_set(f, VERDICT_NETWORK, true, -EADDRNOTAVAIL,
                                 "%s has no public address for Masquerade=snat%s; give it one, or "
                                 "set another Uplink=",
                                 net_uplink(net, NAT_IPV4),
                                 net->host->config->masquerade == MASQUERADE_AUTO
                                         ? " (the host's kernel cannot masquerade)"
                                         : "");
        net->masquerade[NAT_IPV4] = wanted;
        wanted = net_has_ipv6(net) ? choose_for(net, NAT_IPV6) : MASQUERADE_NO;
        /* Without an address there is no IPv6 uplink at present. */
        net->masquerade[NAT_IPV6] =
                wanted == MASQUERADE_SNAT && !can_snat(net, NAT_IPV6) ? MASQUERADE_NO : wanted;
        return 0;
}

bool net_masquerade_fall_back(Net *net, int error, NatFamily family) {
        if (error != -EOPNOTSUPP || configured(net->host->config, family) != MASQUERADE_AUTO ||
            net->masquerade[family] != MASQUERADE_MASQUERADE || net->public[family].n == 0 ||
            can_masquerade(net, family))
                return false;
        net->masquerade[family] = MASQUERADE_SNAT;
        return true;
}
