/* SPDX-License-Identifier: GPL-2.0-or-later */
/* stale-flows.c - looks for tracked connections that keep a port from the guest. */

#include <sys/socket.h>

#include "basic/time-util.h"
#include "host/conntrack.h"
#include "nat/stale-flows.h"

#define TIME_MAX (50 * USEC_PER_MSEC)

typedef struct Search {
        uint8_t protocol;
        uint16_t port;
        const IpAddress *own, *guest;
        size_t n_own;
        StaleFlows found;
} Search;

static bool is_own(const Search *s, const IpAddress *a) {
        for (size_t i = 0; i < s->n_own; i++)
                if (ip_address_equal(&s->own[i], a))
                        return true;
        return false;
}

/* None of them is to be forgotten here. */
static bool look_at(const ConntrackFlow *flow, void *userdata) {
        Search *s = userdata;

        if (flow->protocol != s->protocol || flow->to.port != s->port ||
            !is_own(s, &flow->to.address) || ip_address_equal(&flow->reply_from.address, s->guest))
                return false;
        if (s->found.n++ == 0)
                s->found.client = flow->from.address;
        return false;
}

int flows_find_stale(NatFamily family, uint8_t protocol, uint16_t port, const IpAddress *own,
                     size_t n_own, const IpAddress *guest, StaleFlows *ret) {
        _cleanup_(conntrack_dump_freep) ConntrackDump *dump = NULL;
        Search s = {
                .protocol = protocol, .port = port, .own = own, .guest = guest, .n_own = n_own
        };
        usec_t end = usec_add(now_usec(CLOCK_MONOTONIC), TIME_MAX);
        int r = conntrack_dump_new(family == NAT_IPV6 ? AF_INET6 : AF_INET, &dump);

        if (r < 0)
                return r;
        while ((r = conntrack_dump_step(dump, look_at, &s)) != 0) {
                if (r < 0)
                        return r == -EAGAIN ? -E2BIG : r; /* the kernel has never been late */
                if (now_usec(CLOCK_MONOTONIC) > end)
                        return -E2BIG;
        }
        *ret = s.found;
        return 0;
}
