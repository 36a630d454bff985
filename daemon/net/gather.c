/* SPDX-License-Identifier: GPL-2.0-or-later */
/* gather.c - reads what is known about the host as far as a guest's packets meet it. */

#include <sys/socket.h>

#include "basic/parse-util.h"
#include "basic/string-util.h"
#include "daemon/net/gather.h"
#include "host/sysctl.h"

/* ---- readers ---- */

static bool read_number(const char *name, uint64_t *ret) {
        _cleanup_free_ char *text = NULL;

        return sysctl_get(name, &text) >= 0 &&
               parse_unsigned(strstrip(text), 0, UINT64_MAX, ret) >= 0;
}

static Answer is_on(const char *name) {
        uint64_t v;

        return read_number(name, &v) ? answer_of(v != 0) : ANSWER_UNKNOWN;
}

static Answer is_strict(const char *uplink) {
        int filter = sysctl_reverse_path(uplink);

        return filter < 0 ? ANSWER_UNKNOWN : answer_of(filter == 1);
}

static IpAddress guest_address(const Config *c, NatFamily family) {
        return family == NAT_IPV6 ? (IpAddress){ .v6 = c->guest_address6 }
                                  : (IpAddress){ .v4 = c->guest_address };
}

/* ---- links, addresses, routes ---- */

static LinkFacts link_facts(const Net *net, const char *name) {
        LinkFacts facts = {};
        RtnlLink link;
        int r = net_link_get(net->rtnl, name, &link);

        strncpy(facts.name, name, sizeof(facts.name) - 1);
        if (r == -ENODEV)
                facts.exists = ANSWER_NO;
        if (r < 0)
                return facts;
        facts.exists = ANSWER_YES;
        facts.up = answer_of(link.flags & IFF_UP);
        facts.carrier = answer_of(link.flags & IFF_RUNNING);
        return facts;
}

static const int domains[NAT_FAMILY_MAX] = { [NAT_IPV4] = AF_INET, [NAT_IPV6] = AF_INET6 };

static LinkFacts uplink_facts(const Net *net, NatFamily family, const char *name) {
        LinkFacts facts = link_facts(net, name);
        IpAddress address;
        int n;

        if (facts.exists != ANSWER_YES)
                return facts;
        n = net_public_addresses(net->rtnl, name, domains[family], &address, 1);
        facts.addresses = n < 0 ? ANSWER_UNKNOWN : answer_of(n > 0);
        facts.strict = family == NAT_IPV4 ? is_strict(name) : ANSWER_NO;
        return facts;
}

static void gather_uplinks(const Net *net, NatFamily family, SideFacts *side) {
        const Config *c = net->host->config;

        side->named_by = family == NAT_IPV6 && c->uplinks6.n > 0 ? "Uplink6"
                         : c->uplinks.n > 0                      ? "Uplink"
                                                                 : NULL;
        side->n_uplinks = 0;
        for (size_t i = 0; i < net->uplinks[family].n; i++)
                if (side->n_uplinks < ARRAY_SIZE(side->uplinks))
                        side->uplinks[side->n_uplinks++] =
                                uplink_facts(net, family, net->uplinks[family].list[i]);
}

static void gather_ways(const Net *net, NatFamily family, SideFacts *side) {
        const Config *c = net->host->config;
        IpAddress guest = guest_address(c, family);
        int n = net_ways_out(net->rtnl, domains[family], &guest, (int) if_nametoindex(c->tap),
                             side->ways, ARRAY_SIZE(side->ways));

        side->has_ways = n < 0 ? ANSWER_UNKNOWN : answer_of(n > 0);
        side->n_ways = n < 0 ? 0 : (size_t) n;
}

void net_gather_links(const Net *net, HostFacts *f) {
        const Config *c = net->host->config;

        if (net->host->quiet) /* it is made when the guest starts, and ip_forward is set then */
                snprintf(f->tap.name, sizeof(f->tap.name), "%s", c->tap);
        else
                f->tap = link_facts(net, c->tap);
        f->side[NAT_IPV4].used = true;
        f->side[NAT_IPV6].used = net_has_ipv6(net);
        for (NatFamily i = 0; i < NAT_FAMILY_MAX; i++) {
                if (!f->side[i].used)
                        continue;
                gather_uplinks(net, i, &f->side[i]);
                gather_ways(net, i, &f->side[i]);
        }
}

static void gather_snat_address(const Net *net, NatFamily family, SideFacts *side) {
        char name[IFNAMSIZ];
        int r;

        side->snat_address = net->host->config->snat_addresses[family];
        if (!side->used || ip_address_is_any(&side->snat_address))
                return;
        r = net_address_owner(net->rtnl, &side->snat_address, 0, name);
        side->has_snat_address = r < 0 ? ANSWER_UNKNOWN : answer_of(r > 0);
}

void net_gather_addresses(const Net *net, HostFacts *f) {
        for (NatFamily i = 0; i < NAT_FAMILY_MAX; i++)
                gather_snat_address(net, i, &f->side[i]);
}

/* ---- settings and counters ---- */

void net_gather_settings(const Net *net, HostFacts *f) {
        if (!net->host->quiet)
                f->side[NAT_IPV4].forwarding = is_on("net/ipv4/ip_forward");
        if (f->side[NAT_IPV6].used && !net->host->quiet)
                f->side[NAT_IPV6].forwarding = is_on("net/ipv6/conf/all/forwarding");
}

void net_gather_counters(HostFacts *f) {
        if (!read_number("net/netfilter/nf_conntrack_count", &f->tracked) ||
            !read_number("net/netfilter/nf_conntrack_max", &f->tracked_max))
                f->tracked = f->tracked_max = 0;
}

/* ---- other firewalls ---- */

#define TRIPS_MAX                                                                                  \
        6 /* connections that are tried out: one of the guest, and to its first forwards */

static Trip plain_trip(const Net *net, NatFamily family, NatWay way) {
        const Config *c = net->host->config;
        Trip t = { .family = family,
                   .way = way,
                   .tap = c->tap,
                   .uplink = net_uplink(net, family),
                   .guest = c->name,
                   .protocol = IPPROTO_TCP };

        t.guest_address = guest_address(c, family);
        if (net->public[family].n > 0)
                t.host = net->public[family].list[0];
        return t;
}

bool net_trip_to(const Net *net, NatFamily family, NatWay way, const Forward *f, Trip *ret) {
        ForwardFamily ours = family == NAT_IPV6 ? FORWARD_IPV6 : FORWARD_IPV4;

        if (f->protocols == FORWARD_OTHER || (f->family != FORWARD_BOTH && f->family != ours))
                return false;
        *ret = plain_trip(net, family, way);
        ret->protocol = f->protocols & FORWARD_TCP ? IPPROTO_TCP : IPPROTO_UDP;
        ret->host_port = f->host_first;
        ret->guest_port = f->guest_first;
        if (!ip_address_is_any(&f->address))
                ret->host = f->address;
        if (forward_is_all(f)) /* no port in particular */
                ret->host_port = ret->guest_port = 0;
        return true;
}

static size_t find_trips(const Net *net, NatFamily family, Trip trips[static TRIPS_MAX]) {
        const Config *c = net->host->config;
        size_t n = 0;

        trips[n++] = plain_trip(net, family, NAT_WAY_OUT);
        for (size_t i = 0; i < c->n_forwards && n < TRIPS_MAX; i++)
                n += net_trip_to(net, family, NAT_WAY_IN, &c->forwards[i], &trips[n]);
        for (size_t i = 0; i < c->n_proxies && n < TRIPS_MAX; i++)
                n += net_trip_to(net, family, NAT_WAY_HOST, &c->proxies[i], &trips[n]);
        return n;
}

static Answer looked(int r) {
        return r >= 0 || r == -ENOPROTOOPT ? ANSWER_YES : ANSWER_UNKNOWN;
}

typedef int (*TripsFn)(const Trip *trips, size_t n, Obstacles *list, Taking *taking);

static Answer try_trips(const Net *net, NatFamily family, TripsFn fn, Obstacles *list) {
        Trip trips[TRIPS_MAX];

        list->n = 0;
        return looked(fn(trips, find_trips(net, family, trips), list, NULL));
}

void net_gather_nft(const Net *net, HostFacts *f) {
        for (NatFamily i = 0; i < NAT_FAMILY_MAX; i++)
                if (f->side[i].used)
                        f->side[i].looked_nft = try_trips(net, i, nft_trips, &f->side[i].nft);
}

/* A guest's rules let its packets pass at the end of FORWARD, so that its policy does not meet
 * them. This is asked before they are there. */
static bool will_be_met(const Net *net, const Obstacle *o) {
        return net->maker.nat.backend != &nat_iptables || !o->policy ||
               !streq(o->table, "filter") || !streq(o->base, "FORWARD");
}

static void forget_unmet(const Net *net, Obstacles *list) {
        size_t n = 0;

        for (size_t i = 0; i < list->n; i++)
                if (will_be_met(net, &list->list[i]))
                        list->list[n++] = list->list[i];
        list->n = n;
}

void net_gather_legacy(const Net *net, HostFacts *f) {
        for (NatFamily i = 0; i < NAT_FAMILY_MAX; i++) {
                if (!f->side[i].used)
                        continue;
                f->side[i].looked_legacy = try_trips(net, i, xt_trips, &f->side[i].legacy);
                if (net->host->quiet)
                        forget_unmet(net, &f->side[i].legacy);
        }
}
