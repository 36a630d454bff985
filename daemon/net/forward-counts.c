/* SPDX-License-Identifier: GPL-2.0-or-later */
/* forward-counts.c - adds up the counters of rules for each forward. */

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>

#include "daemon/net/forward-counts.h"
#include "daemon/net/rules-plan.h"
#include "nat/plan.h"

enum {
        MAPS = 2, /* of tcp and of udp */
};

typedef struct Counting {
        const Config *config;
        ForwardCount *list;
        size_t n, room;
} Counting;

static bool is_protocol(const Forward *f, uint8_t protocol) {
        if (f->protocols & FORWARD_OTHER)
                return f->host_first == protocol;
        return f->protocols & (protocol == IPPROTO_TCP ? FORWARD_TCP : FORWARD_UDP);
}

static bool has_family(const Forward *f, NatFamily family) {
        return f->family == FORWARD_BOTH ||
               f->family == (family == NAT_IPV6 ? FORWARD_IPV6 : FORWARD_IPV4);
}

static bool contains(const Forward *f, const NatRule *rule) {
        if (!is_protocol(f, rule->protocol) || !has_family(f, rule->family) ||
            (!ip_address_is_any(&f->address) && !ip_address_equal(&f->address, &rule->destination)))
                return false;
        return f->protocols & FORWARD_OTHER ||
               (f->host_first <= rule->first_port && rule->last_port <= f->host_last);
}

/* The forward that the rule is for: the narrowest one, for "all" contains every port. */
static const Forward *forward_of(const Config *c, const NatRule *rule) {
        const Forward *found = NULL;

        for (const Forward *f = c->forwards; f < c->forwards + c->n_forwards; f++)
                if (contains(f, rule) &&
                    (!found || f->host_last - f->host_first < found->host_last - found->host_first))
                        found = f;
        return found;
}

static ForwardCount *slot(Counting *c, const char *name) {
        for (size_t i = 0; i < c->n; i++)
                if (streq(c->list[i].name, name))
                        return &c->list[i];
        if (c->n == c->room)
                return NULL;
        snprintf(c->list[c->n].name, sizeof(c->list[c->n].name), "%s", name);
        return &c->list[c->n++];
}

static void on_count(const NatRule *rule, size_t n, const NatCount *count, void *userdata) {
        Counting *c = userdata;
        const Forward *f = n == 1 ? forward_of(c->config, rule) : NULL;
        char name[FORWARD_TEXT_MAX];
        ForwardCount *s;

        if (f)
                (void) forward_format(f, name);
        else if (n > 1)
                snprintf(name, sizeof(name), "%s (map)",
                         rule->protocol == IPPROTO_TCP ? "tcp" : "udp");
        else
                return; /* it was reloaded a moment ago */
        s = slot(c, name);
        if (!s)
                return;
        s->count.packets += count->packets;
        s->count.bytes += count->bytes;
}

int net_forward_counts(Net *net, ForwardCount **ret, size_t *ret_n) {
        _cleanup_free_ Forward *guarded = net_guarded_ports(net);
        const Config *c = net->host->config;
        _cleanup_free_ ForwardCount *list = calloc(c->n_forwards + MAPS, sizeof(*list));
        Counting counting = { .config = c, .list = list, .room = c->n_forwards + MAPS };
        NatPlan plan;
        int r;

        if (!guarded || !list)
                return -ENOMEM;
        if (!net->rules || net->under_way)
                return -ENOENT;
        plan = net_plan(net, guarded);
        r = net->maker.nat.backend->count(&net->maker.nat, &plan, on_count, &counting);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(list);
        *ret_n = counting.n;
        return 0;
}
