/* SPDX-License-Identifier: GPL-2.0-or-later */
/* bars.c - which networks and how many connections are kept from the guest. */

#include <dirent.h>
#include <stdio.h>

#include "api/dirs.h"
#include "basic/file-util.h"
#include "basic/log.h"
#include "basic/parse-util.h"
#include "basic/string-util.h"
#include "daemon/boot/cmdline.h"
#include "daemon/net/bars.h"

#define CONNECTIONS_MIN 1024U
/* For each new connection the kernel looks through all those that it has counted: 0.1 ms with so
 * many, but more than 2 ms with twice as many, by which a guest could keep a CPU of its host busy.
 */
#define CONNECTIONS_MAX 16384U
#define FRESH_MAX       32768U
#define TRACKED_USUAL   65536U /* where the host does not tell */
#define NUMBER_MAX      32     /* bytes of a setting of the kernel's */

/* ---- connections ---- */

unsigned connections_share(uint64_t max, unsigned guests) {
        uint64_t share = max / 2, least = max / 2 + max / 8;

        for (unsigned n = 1; n < guests && least > 0; n *= 2) {
                share /= 2;
                least /= 2;
        }
        least = MIN(least, (uint64_t) CONNECTIONS_MIN);
        share = MAX(share, least);
        if (share > CONNECTIONS_MAX)
                return CONNECTIONS_MAX;
        return share > 0 ? (unsigned) share : 1;
}

unsigned connections_fresh(uint64_t max, unsigned guests) {
        uint64_t fresh = max / 8, left = max / 2 + max / 4, least;

        for (unsigned n = 1; n < guests && left > 0; n *= 2) {
                fresh /= 2;
                left /= 2;
        }
        least = 2ULL * connections_share(max, 2 * guests);
        least = left > least ? MIN(left - least, (uint64_t) CONNECTIONS_MIN) : 1;
        fresh = MAX(fresh, least);
        return (unsigned) MIN(fresh, (uint64_t) FRESH_MAX);
}

/* Containers may have the setting under an older name. */
uint64_t net_tracked_max(void) {
        static const char *const files[] = { "/proc/sys/net/netfilter/nf_conntrack_max",
                                             "/proc/sys/net/nf_conntrack_max",
                                             "/proc/sys/net/ipv4/ip_conntrack_max" };

        FOREACH_ELEMENT (file, files) {
                _cleanup_free_ char *text = NULL;
                uint64_t max;

                if (read_file(*file, NUMBER_MAX, &text) >= 0 &&
                    parse_unsigned(strstrip(text), 1, UINT64_MAX, &max) >= 0)
                        return max;
        }
        return TRACKED_USUAL;
}

/* Guests that are up have a runtime directory. One that a killed umld left counts, too, until its
 * guest is started again. */
static unsigned count_guests(void) {
        DIR *dir = opendir(umld_dir(DIR_RUNTIME));
        struct dirent *e;
        unsigned n = 0;

        while (dir && (e = readdir(dir)))
                n += guest_name_valid(e->d_name);
        if (dir)
                closedir(dir);
        return n;
}

static bool has_both_families(const Net *net) {
        const IpAddress six = { .v6 = net->host->config->guest_address6 };

        return !ip_address_is_any(&six);
}

static unsigned wanted_connections(const Net *net, unsigned guests) {
        unsigned wanted = net->host->config->connections;

        if (wanted == CONNECTIONS_ANY)
                return 0;
        if (wanted > 0)
                return wanted;
        /* The kernel counts each family by itself, but has one table for both. */
        return connections_share(net_tracked_max(), has_both_families(net) ? 2 * guests : guests);
}

/* ---- networks ---- */

static bool find_links(Net *net, NatFamily family) {
        const Uplinks *u = &net->uplinks[family];
        Links found;

        memset(&found, 0, sizeof(found));
        for (size_t i = 0; i < u->n; i++) {
                int n = net_connected(net->rtnl, u->list[i],
                                      family == NAT_IPV4 ? AF_INET : AF_INET6, found.list + found.n,
                                      ARRAY_SIZE(found.list) - found.n);

                found.n += n < 0 ? 0 : (size_t) n; /* an uplink that is not there has none */
        }
        if (memcmp(&found, &net->links[family], sizeof(found)) == 0)
                return false;
        net->links[family] = found;
        return true;
}

int net_bars_look(Net *net) {
        unsigned guests = MAX(count_guests(), 1U), connections = wanted_connections(net, guests),
                 fresh = connections > 0 ? connections_fresh(net_tracked_max(), guests) : 0;
        bool changed = connections != net->connections || fresh != net->fresh;

        net->connections = connections;
        net->fresh = fresh;
        for (NatFamily f = 0; f < NAT_FAMILY_MAX; f++)
                changed |= find_links(net, f);
        return changed;
}

/* ---- the plan ---- */

static unsigned reach_of(const Config *c) {
        static const struct {
                unsigned setting, planned;
        } flags[] = { { REACH_INTERNET, NAT_REACH_INTERNET },
                      { REACH_LINK, NAT_REACH_LINK },
                      { REACH_METADATA, NAT_REACH_METADATA },
                      { REACH_NEIGHBOURS, NAT_REACH_NEIGHBOURS } };
        unsigned reach = 0;

        FOREACH_ELEMENT (f, flags)
                if (c->reach & f->setting)
                        reach |= f->planned;
        return reach;
}

void net_bars_plan(const Net *net, NatPlan *plan) {
        const Config *c = net->host->config;

        plan->reach = reach_of(c);
        plan->reached = c->reached;
        plan->n_reached = c->n_reached;
        plan->resolvers = c->dns;
        plan->n_resolvers = c->n_dns;
        for (NatFamily f = 0; f < NAT_FAMILY_MAX; f++) {
                plan->side[f].links = net->links[f].list;
                plan->side[f].n_links = net->links[f].n;
        }
        plan->has_mac = !net->lacking[NET_LACKS_MAC];
        if (plan->has_mac) {
                struct ether_addr mac = guest_mac(c->name);

                memcpy(plan->mac, &mac, sizeof(plan->mac));
        }
        plan->connections = net->lacking[NET_LACKS_CONNLIMIT] ? 0 : net->connections;
        plan->fresh = net->lacking[NET_LACKS_FRESH] ? 0 : net->fresh;
}

const char *net_connections_format(const Net *net, char buf[static 16]) {
        unsigned wanted = net->host->config->connections, most = net->connections;

        if (!net->rules && !net->host->quiet)
                most = wanted == CONNECTIONS_ANY ? 0 : wanted;
        if (net->lacking[NET_LACKS_CONNLIMIT] || wanted == CONNECTIONS_ANY)
                return strcpy(buf, "no");
        if (most == 0)
                return strcpy(buf, "auto");
        snprintf(buf, 16, "%u", most);
        return buf;
}

#define UNBOUNDED "connections that the guest closes at once may fill the host's table"

bool net_bars_lacking(Net *net, const char *what, const char *tool, int error) {
        static const struct {
                const char *what;
                unsigned lack;
                const char *consequence;
        } lacks[] = {
                { NAT_WHAT_MAC, NET_LACKS_MAC, "the guest may use any MAC address on its tap" },
                { NAT_WHAT_CONNLIMIT, NET_LACKS_CONNLIMIT,
                  "Connections= has no effect, and the guest may fill the host's table of "
                  "connections" },
                { NAT_WHAT_LIMIT, NET_LACKS_FRESH, UNBOUNDED },
                { NAT_WHAT_QUOTA, NET_LACKS_FRESH, UNBOUNDED },
        };

        FOREACH_ELEMENT (l, lacks) {
                if (!streq(what, l->what) || net->lacking[l->lack])
                        continue;
                net->lacking[l->lack] = strfmt("the host has no %s %s (%s): %s", tool, what,
                                               strerror(-error), l->consequence);
                if (!net->lacking[l->lack])
                        return false;
                log_warning("%s", net->lacking[l->lack]);
                return true;
        }
        return false;
}
