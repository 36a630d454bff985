/* SPDX-License-Identifier: GPL-2.0-or-later */
/* flows.c - looks through the host's flows after the rules have changed. */

#include <ifaddrs.h>
#include <sys/socket.h>

#include "basic/log.h"
#include "basic/time-util.h"
#include "daemon/net/flows.h"
#include "daemon/net/rules-plan.h"
#include "nat/flow.h"

#define SLICE    (2 * USEC_PER_MSEC)
#define DEADLINE (10 * USEC_PER_SEC)

enum {
        BEFORE_MAX = 4,
};

typedef struct Flows {
        Net *net;
        NatChains before[BEFORE_MAX]; /* what flows have met since the last search that ended */
        size_t n_before;
        IpAddress *own; /* the host's addresses */
        size_t n_own;
        NatFamily family; /* of the flow that is being judged */
        ConntrackDump *dump;
        usec_t began; /* CLOCK_MONOTONIC */
} Flows;

static Flows *flows_free(Flows *w) {
        if (!w)
                return NULL;
        conntrack_dump_free(w->dump);
        for (size_t i = 0; i < w->n_before; i++)
                nat_chains_done(&w->before[i]);
        free(w->own);
        free(w);
        return NULL;
}
DEFINE_CLEANUP(Flows *, flows_free)

static void end_search(Net *net) {
        net->flows = flows_free(net->flows);
}

void net_flows_end(Net *net) {
        end_search(net);
        nat_chains_done(&net->met);
        net->met = (NatChains){};
        net->met_known = false;
}

/* ---- what is known of the host ---- */

static int find_own(Flows *w) {
        struct ifaddrs *all = NULL;
        size_t n = 0;

        if (getifaddrs(&all) < 0)
                return -errno;
        for (const struct ifaddrs *a = all; a; a = a->ifa_next)
                n++;
        w->own = calloc(n + 1, sizeof(*w->own));
        for (const struct ifaddrs *a = all; w->own && a; a = a->ifa_next) {
                const struct sockaddr_in *v4 = (const void *) a->ifa_addr;
                const struct sockaddr_in6 *v6 = (const void *) a->ifa_addr;

                if (a->ifa_addr && a->ifa_addr->sa_family == AF_INET)
                        w->own[w->n_own++] = (IpAddress){ .v4 = v4->sin_addr };
                else if (a->ifa_addr && a->ifa_addr->sa_family == AF_INET6)
                        w->own[w->n_own++] = (IpAddress){ .v6 = v6->sin6_addr };
        }
        freeifaddrs(all);
        return w->own ? 0 : -ENOMEM;
}

static bool owns(const IpAddress *address, void *userdata) {
        const Flows *w = userdata;

        for (size_t i = 0; i < w->n_own; i++)
                if (ip_address_equal(&w->own[i], address))
                        return true;
        return false;
}

static bool leaves(const IpAddress *to, void *userdata) {
        const Flows *w = userdata;
        const Config *c = w->net->host->config;
        bool v6 = w->family == NAT_IPV6;
        IpAddress from =
                v6 ? (IpAddress){ .v6 = c->guest_address6 } : (IpAddress){ .v4 = c->guest_address };
        char name[IFNAMSIZ];
        int out = net_route_out(w->net->rtnl, &from, to, (int) if_nametoindex(c->tap));

        return out > 0 && if_indextoname((unsigned) out, name) &&
               uplinks_have(&w->net->uplinks[w->family], name);
}

/* ---- the search ---- */

static bool have_none(const NatChains *chains, NatFamily family) {
        for (int i = 0; i < NAT_CHAIN_KINDS; i++)
                if (chains->chain[(int) family * NAT_CHAIN_KINDS + i].n_rules > 0)
                        return false;
        return true;
}

/* The guest has nothing in this family, and had not. */
static bool is_without(const Flows *w, NatFamily family) {
        bool without = have_none(&w->net->met, family);

        for (size_t i = 0; without && i < w->n_before; i++)
                without = have_none(&w->before[i], family);
        return without;
}

static bool contradicts(const ConntrackFlow *flow, void *userdata) {
        Flows *w = userdata;
        const NatFlowHost host = { .owns = owns, .leaves = leaves, .userdata = w };

        w->family = flow->family == AF_INET6 ? NAT_IPV6 : NAT_IPV4;
        if (is_without(w, w->family))
                return false;
        if (w->n_before == 0)
                return nat_flow_contradicts(NULL, &w->net->met, w->family, flow, &host);
        for (size_t i = 0; i < w->n_before; i++)
                if (nat_flow_contradicts(&w->before[i], &w->net->met, w->family, flow, &host))
                        return true;
        return false;
}

/* 1 = there is more, 0 = that was all. */
static int look_through(Flows *w) {
        int r;

        if (is_without(w, NAT_IPV4) && is_without(w, NAT_IPV6))
                return 0;
        r = w->dump ? 0 : conntrack_dump_new(AF_UNSPEC, &w->dump);
        return r < 0 ? r : conntrack_dump_step(w->dump, contradicts, w);
}

/* 1 = the slice is over, 0 = the search is. */
static int slice(Flows *w) {
        usec_t end = usec_add(now_usec(CLOCK_MONOTONIC), SLICE);
        int r;

        do
                r = look_through(w);
        while (r > 0 && now_usec(CLOCK_MONOTONIC) <= end);
        return r;
}

int net_flows_step(Net *net, Fault *f) {
        Flows *w = net->flows;
        unsigned forgotten;
        usec_t took;
        int r;

        if (!w)
                return 0;
        r = slice(w);
        took = usec_sub(now_usec(CLOCK_MONOTONIC), w->began);
        if ((r > 0 || r == -EAGAIN) && took > DEADLINE)
                r = -ETIMEDOUT;
        if (r > 0 || r == -EAGAIN)
                return fault_wait(f, VERDICT_NETWORK, w->dump ? conntrack_dump_fd(w->dump) : -EBADF,
                                  "the host to list its tracked connections");
        if (r == -ETIMEDOUT)
                log_warning("the search for tracked connections that contradict the guest's "
                            "firewall rules was given up after %ju s; delete with conntrack(8) "
                            "those that do not work",
                            (uintmax_t) (DEADLINE / USEC_PER_SEC));
        else if (r < 0)
                log_debug_errno(r, "cannot look through the host's tracked connections: %m");
        forgotten = w->dump ? conntrack_dump_forgotten(w->dump) : 0;
        if (forgotten > 0)
                log_info("%u tracked connections contradicted the guest's firewall rules and were "
                         "deleted",
                         forgotten);
        end_search(net);
        return 0;
}

/* ---- when it begins ---- */

static int plan_now(const Net *net, NatChains *ret) {
        _cleanup_free_ Forward *guarded = net_guarded_ports(net);
        NatPlan plan;

        nat_chains_init(ret, net->host->config->name);
        if (!net->rules)
                return 0;
        if (!guarded)
                return -ENOMEM;
        plan = net_plan(net, guarded);
        return nat_chains_plan(ret, &plan);
}

/* Takes *before over. The last one has to make room if there are more changes than one search
 * remembers. */
static void remember(Flows *w, NatChains *before) {
        size_t i = MIN(w->n_before, (size_t) BEFORE_MAX - 1);

        if (i < w->n_before)
                nat_chains_done(&w->before[i]);
        w->before[i] = *before;
        *before = (NatChains){};
        w->n_before = i + 1;
}

/* A search that is under way is begun again, and still knows what it compared with. */
static int begin_search(Net *net, NatChains *before, bool known) {
        _cleanup_(flows_freep) Flows *w = calloc(1, sizeof(*w));
        int r;

        if (!w)
                return -ENOMEM;
        w->net = net;
        w->began = now_usec(CLOCK_MONOTONIC);
        r = find_own(w);
        if (r < 0)
                return r;
        for (size_t i = 0; net->flows && i < net->flows->n_before; i++)
                remember(w, &net->flows->before[i]);
        if (known)
                remember(w, before);
        end_search(net);
        net->flows = TAKE_PTR(w);
        return 0;
}

void net_flows_follow(Net *net, bool changed) {
        _cleanup_(nat_chains_done) NatChains before = net->met, now = {};
        bool known = net->met_known;
        int r = plan_now(net, &now);

        net->met = r >= 0 ? now : (NatChains){};
        net->met_known = r >= 0;
        if (r >= 0) {
                now = (NatChains){};
                r = changed ? begin_search(net, &before, known) : 0;
        }
        if (r < 0)
                log_debug_errno(r, "cannot look for tracked connections that contradict the "
                                   "rules: %m");
}
