/* SPDX-License-Identifier: GPL-2.0-or-later */
/* features.c - queries the kernel for the extensions that rules use. */

#include <sys/socket.h>

#include "basic/cleanup.h"

#include "nat/features.h"

#include <linux/netfilter/x_tables.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netfilter_ipv6/ip6_tables.h>

static const struct {
        int domain, level, match, target;
        const char *icmp;
} families[NAT_FAMILY_MAX] = {
        [NAT_IPV4] = { AF_INET, IPPROTO_IP, IPT_SO_GET_REVISION_MATCH, IPT_SO_GET_REVISION_TARGET,
                       "match icmp" },
        [NAT_IPV6] = { AF_INET6, IPPROTO_IPV6, IP6T_SO_GET_REVISION_MATCH,
                       IP6T_SO_GET_REVISION_TARGET, "match icmp6" },
};

/* The kernel answers such queries only on the kind of socket that changes its tables, if at all. */
static int query_socket(NatFamily family) {
        return RET_NERRNO(socket(families[family].domain, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW));
}

/* Queries one revision of a match or target. 0 = available, -ENOENT = there is no such extension,
 * -EPROTONOSUPPORT = there is, but not in this revision. */
static int kernel_has(int fd, NatFamily family, int option, const char *name, uint8_t revision) {
        struct xt_get_revision query = { .revision = revision };
        socklen_t size = sizeof(query);

        strncpy(query.name, name, sizeof(query.name) - 1);
        return RET_NERRNO(getsockopt(fd, families[family].level, option, &query, &size));
}

/* A target that is part of the tables themselves. */
int nat_tables_known(NatFamily family) {
        _cleanup_close_ int fd = query_socket(family);

        return fd < 0 ? fd : kernel_has(fd, family, families[family].target, XT_ERROR_TARGET, 0);
}

void nat_revisions_probe(NatFamily family, NatRevisions *ret) {
        _cleanup_close_ int fd = query_socket(family);
        NatRevisions r = { .conntrack = 3, .connlimit = 1, .dnat = 2, .queue = 3 };

        while (r.conntrack > 1 &&
               kernel_has(fd, family, families[family].match, "conntrack", r.conntrack) < 0)
                r.conntrack--;
        if (kernel_has(fd, family, families[family].match, "connlimit", r.connlimit) < 0)
                r.connlimit = 0;
        if (kernel_has(fd, family, families[family].target, "DNAT", r.dnat) < 0)
                r.dnat = family == NAT_IPV6 ? 1 : 0;
        if (kernel_has(fd, family, families[family].target, "NFQUEUE", r.queue) < 0)
                r.queue = NAT_QUEUE_REVISION;
        *ret = r;
}

/* "match tcp" is queried as "tcp". */
const char *nat_missing_feature(const NatRule *rule) {
        const struct {
                bool needed;
                const char *what;
        } features[] = {
                { rule->protocol == IPPROTO_TCP, "match tcp" },
                { rule->protocol == IPPROTO_UDP, "match udp" },
                { rule->protocol == IPPROTO_ICMP || rule->protocol == IPPROTO_ICMPV6,
                  families[rule->family].icmp },
                { rule->states != 0, "match conntrack" },
                { nat_rule_has_mac(rule), NAT_WHAT_MAC },
                { rule->above != 0, NAT_WHAT_CONNLIMIT },
                { rule->fresh, NAT_WHAT_LIMIT },
                { rule->verdict == NAT_DNAT, "target DNAT" },
                { rule->verdict == NAT_SNAT, "target SNAT" },
                { rule->verdict == NAT_MASQUERADE, "target MASQUERADE" },
                { rule->verdict == NAT_CLAMP_MSS, "target TCPMSS" },
                { rule->verdict == NAT_LOG, NAT_WHAT_LOG },
                { rule->verdict == NAT_QUEUE, NAT_WHAT_QUEUE },
        };
        _cleanup_close_ int fd = query_socket(rule->family);

        FOREACH_ELEMENT (f, features) {
                bool match = strncmp(f->what, "match ", 6) == 0;
                int option = match ? families[rule->family].match : families[rule->family].target;
                const char *name = strchr(f->what, ' ') + 1;
                uint8_t revision = streq(f->what, NAT_WHAT_QUEUE) ? NAT_QUEUE_REVISION : 0;
                int r = f->needed ? kernel_has(fd, rule->family, option, name, revision) : 0;

                if (r == -ENOENT || (r == -EPROTONOSUPPORT && revision > 0))
                        return f->what;
        }
        return NULL;
}
