/* SPDX-License-Identifier: GPL-2.0-or-later */
/* gather.c - reads what is known about the host as far as a guest's packets meet it. */

#include <sys/socket.h>

#include "basic/parse-util.h"
#include "basic/string-util.h"
#include "daemon/net/gather.h"
#include "host/sysctl.h"
#include "nat/nft-foreign.h"
#include "nat/xt-tables.h"

#include <linux/netfilter.h>

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

static void gather_uplinks(const Net *net, NatFamily family, SideFacts *side) {
        side->n_uplinks = 0;
        if (net->uplink[family][0])
                side->uplinks[side->n_uplinks++] = link_facts(net, net->uplink[family]);
}

static void gather_route(const Net *net, NatFamily family, SideFacts *side) {
        int r = net_default_uplink(net->rtnl, family == NAT_IPV6 ? AF_INET6 : AF_INET, side->route);

        side->has_route = r >= 0 ? ANSWER_YES : r == -ENETUNREACH ? ANSWER_NO : ANSWER_UNKNOWN;
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
                SideFacts *side = &f->side[i];

                if (!side->used)
                        continue;
                gather_uplinks(net, i, side);
                gather_route(net, i, side);
                side->named = c->uplink[0];
                side->has_addresses = answer_of(net->public[i].n > 0);
        }
}

/* ---- settings and counters ---- */

static bool read_number(const char *name, uint64_t *ret) {
        _cleanup_free_ char *text = NULL;

        return sysctl_get(name, &text) >= 0 &&
               parse_unsigned(strstrip(text), 0, UINT64_MAX, ret) >= 0;
}

static Answer is_on(const char *name) {
        uint64_t v;

        return read_number(name, &v) ? answer_of(v != 0) : ANSWER_UNKNOWN;
}

/* The kernel takes the stricter one of an interface's and everybody's. Strict is 1; 2 is looser. */
static Answer is_strict(const char *uplink) {
        _cleanup_free_ char *own = strfmt("net/ipv4/conf/%s/rp_filter", uplink);
        uint64_t all, one;

        if (!own || !read_number("net/ipv4/conf/all/rp_filter", &all) || !read_number(own, &one))
                return ANSWER_UNKNOWN;
        return answer_of(MAX(all, one) == 1);
}

void net_gather_settings(const Net *net, HostFacts *f) {
        SideFacts *four = &f->side[NAT_IPV4];

        if (!net->host->quiet)
                four->forwarding = is_on("net/ipv4/ip_forward");
        if (net->uplink[NAT_IPV4][0])
                four->strict = is_strict(net->uplink[NAT_IPV4]);
        if (f->side[NAT_IPV6].used && !net->host->quiet)
                f->side[NAT_IPV6].forwarding = is_on("net/ipv6/conf/all/forwarding");
}

void net_gather_counters(HostFacts *f) {
        if (!read_number("net/netfilter/nf_conntrack_count", &f->tracked) ||
            !read_number("net/netfilter/nf_conntrack_max", &f->tracked_max))
                f->tracked = f->tracked_max = 0;
}

/* ---- other firewalls ---- */

static Obstacle *add_obstacle(Obstacles *list, NatFamily family) {
        Obstacle *o;

        if (list->n == OBSTACLES_MAX)
                return NULL;
        o = &list->list[list->n++];
        *o = (Obstacle){ .family = family,
                         .ways = 1 << NAT_WAY_IN | 1 << NAT_WAY_OUT,
                         .certain = true,
                         .policy = true };
        return o;
}

void net_gather_nft(const Net *net, HostFacts *f) {
        NftBarrier barriers[NFT_BARRIERS_MAX];
        int n = nft_forward_barriers(net->host->config->tap, net_has_ipv6(net), barriers);

        for (NatFamily i = 0; i < NAT_FAMILY_MAX; i++) {
                f->side[i].nft.n = 0;
                f->side[i].looked_nft = n >= 0 || n == -ENOPROTOOPT ? ANSWER_YES : ANSWER_UNKNOWN;
        }
        for (const NftBarrier *b = barriers; b < barriers + MAX(n, 0); b++) {
                NatFamily family = b->family == NFPROTO_IPV6 ? NAT_IPV6 : NAT_IPV4;
                Obstacle *o = add_obstacle(&f->side[family].nft, family);

                if (!o)
                        return;
                o->table_family = b->family;
                strcpy(o->table, b->table);
                strcpy(o->base, b->chain);
                strcpy(o->chain, b->chain);
        }
}

void net_gather_legacy(const Net *net, HostFacts *f) {
        SideFacts *four = &f->side[NAT_IPV4];
        Obstacle *o;

        four->legacy.n = 0;
        four->looked_legacy = f->side[NAT_IPV6].looked_legacy = ANSWER_YES;
        if (net->maker.nat.backend == &nat_iptables ||
            xt_forward_drops(net->host->config->tap) <= 0)
                return;
        o = add_obstacle(&four->legacy, NAT_IPV4);
        if (!o)
                return;
        o->legacy = true;
        strcpy(o->table, "filter");
        strcpy(o->base, "FORWARD");
        strcpy(o->chain, "FORWARD");
}
