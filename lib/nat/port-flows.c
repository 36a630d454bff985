/* SPDX-License-Identifier: GPL-2.0-or-later */
/* port-flows.c - looks at the tracked connections to a port.
 *
 * A handshake that was completed, or a datagram that was answered, is the one proof that strangers
 * get in by all rules, those of others and those that nobody can judge: their packets have passed
 * both ways. */

#include <netinet/in.h>
#include <sys/socket.h>

#include "basic/time-util.h"
#include "host/conntrack.h"
#include "nat/port-flows.h"

#define TIME_MAX (50 * USEC_PER_MSEC) /* of the processor */

typedef struct Looking {
        const PortSearch *search;
        PortFlows found;
} Looking;

static bool is_own(const PortSearch *s, const IpAddress *a) {
        for (size_t i = 0; i < s->n_own; i++)
                if (ip_address_equal(&s->own[i], a))
                        return true;
        return false;
}

static bool leads(const PortSearch *s, const ConntrackFlow *flow) {
        return s->guest ? ip_address_equal(&flow->reply_from.address, s->guest)
                        : is_own(s, &flow->reply_from.address);
}

static void count(FlowsFound *f, const ConntrackFlow *flow) {
        if (f->n++ == 0)
                f->client = flow->from.address;
}

/* The route is asked for until the first is found. None of the flows is to be forgotten here. */
static bool look_at(const ConntrackFlow *flow, void *userdata) {
        Looking *l = userdata;
        const PortSearch *s = l->search;
        bool answered = flow->protocol == IPPROTO_TCP ? flow->assured : flow->replied;

        if (flow->protocol != s->protocol || flow->to.port != s->port ||
            !is_own(s, &flow->to.address))
                return false;
        if (!leads(s, flow))
                count(&l->found.stale, flow);
        else if (answered && l->found.served.n == 0 &&
                 s->is_stranger(&flow->from.address, s->userdata))
                count(&l->found.served, flow);
        return false;
}

int port_flows_find(const PortSearch *s, PortFlows *ret) {
        _cleanup_(conntrack_dump_freep) ConntrackDump *dump = NULL;
        Looking l = { .search = s };
        usec_t end = usec_add(now_usec(CLOCK_THREAD_CPUTIME_ID), TIME_MAX);
        int r = conntrack_dump_new(s->family == NAT_IPV6 ? AF_INET6 : AF_INET, &dump);

        if (r < 0)
                return r;
        while ((r = conntrack_dump_step(dump, look_at, &l)) != 0) {
                if (r < 0)
                        return r == -EAGAIN ? -E2BIG : r; /* the kernel has never been late */
                if (now_usec(CLOCK_THREAD_CPUTIME_ID) > end)
                        return -E2BIG;
        }
        *ret = l.found;
        return 0;
}
