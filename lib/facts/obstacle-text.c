/* SPDX-License-Identifier: GPL-2.0-or-later */
/* obstacle-text.c - describes what drops a guest's packets, and how to make it let them pass. */

#include "facts/obstacle-text.h"
#include "basic/string-util.h"
#include "nat/nft-netlink.h"

const char *firewall_name(Firewall f) {
        static const char *const names[] = {
                [FIREWALL_OTHER] = "another firewall",
                [FIREWALL_UFW] = "ufw",
                [FIREWALL_FIREWALLD] = "firewalld",
                [FIREWALL_DOCKER] = "Docker's firewall",
        };

        static_assert(ARRAY_SIZE(names) == FIREWALL_MAX, "a name for every firewall");
        return names[f];
}

char *obstacle_place(const Obstacle *o) {
        const char *what = o->policy ? "the policy of" : "a rule in";

        if (o->legacy)
                return strfmt("%s chain %s of the legacy %s table %s", what, o->chain,
                              o->family == NAT_IPV6 ? "ip6tables" : "iptables", o->table);
        return strfmt("%s chain %s of the nftables table %s %s", what, o->chain,
                      nft_family_name(o->table_family), o->table);
}

static char *iptables_remedy(const Obstacle *o, const char *chain, const char *tap) {
        const char *tool = o->family == NAT_IPV6 ? "ip6tables" : "iptables",
                   *kind = o->legacy ? "-legacy" : "";

        return strfmt("%s%s -I %s -i %s -j ACCEPT && %s%s -I %s -o %s -j ACCEPT", tool, kind, chain,
                      tap, tool, kind, chain, tap);
}

static char *nft_remedy(const Obstacle *o, const char *tap) {
        _cleanup_free_ char *insert = strfmt("nft insert rule %s %s %s",
                                             nft_family_name(o->table_family), o->table, o->base);

        return insert ? strfmt("%s iifname %s accept && %s oifname %s accept", insert, tap, insert,
                               tap)
                      : NULL;
}

/* To let a port of the host be reached, which is relayed. */
static char *port_remedy(const Obstacle *o) {
        const char *protocol = o->protocol == IPPROTO_UDP ? "udp" : "tcp",
                   *tool = o->family == NAT_IPV6 ? "ip6tables" : "iptables";

        switch (o->firewall) {
        case FIREWALL_UFW:
                return strfmt("ufw allow %u/%s", o->port, protocol);
        case FIREWALL_FIREWALLD:
                return strfmt("firewall-cmd --permanent --add-port=%u/%s && firewall-cmd --reload",
                              o->port, protocol);
        case FIREWALL_DOCKER:
        case FIREWALL_OTHER:
        case FIREWALL_MAX:
        default:
                break;
        }
        if (o->legacy && o->reply)
                return strfmt("%s-legacy -I %s -m conntrack --ctstate ESTABLISHED -j ACCEPT", tool,
                              o->base);
        if (o->reply)
                return strfmt("nft insert rule %s %s %s ct state established accept",
                              nft_family_name(o->table_family), o->table, o->base);
        if (o->legacy)
                return strfmt("%s-legacy -I %s -p %s --dport %u -j ACCEPT", tool, o->base, protocol,
                              o->port);
        return strfmt("nft insert rule %s %s %s %s dport %u accept",
                      nft_family_name(o->table_family), o->table, o->base, protocol, o->port);
}

char *obstacle_remedy(const Obstacle *o, const char *tap) {
        if (o->ways == 1 << NAT_WAY_HOST)
                return port_remedy(o);
        switch (o->firewall) {
        case FIREWALL_UFW:
                return strfmt("ufw route allow in on %s && ufw route allow out on %s", tap, tap);
        case FIREWALL_FIREWALLD:
                return strfmt("firewall-cmd --permanent --zone=trusted --add-interface=%s && "
                              "firewall-cmd --reload",
                              tap);
        case FIREWALL_DOCKER:
                return iptables_remedy(o, "DOCKER-USER", tap);
        case FIREWALL_OTHER:
        case FIREWALL_MAX:
        default:
                return o->legacy ? iptables_remedy(o, o->base, tap) : nft_remedy(o, tap);
        }
}
