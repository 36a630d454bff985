/* SPDX-License-Identifier: GPL-2.0-or-later */
/* dead-flows.c - deletes a dead guest's connections from the host's connection tracking. */

#include "daemon/net/dead-flows.h"
#include <sys/socket.h>

#include "basic/log.h"
#include "basic/time-util.h"
#include "host/conntrack.h"

#define SLICE (2 * USEC_PER_MSEC)

struct DeadFlows {
        ConntrackDump *dump;
        sd_event_source *io;
        IpAddress guest, guest6;
};

static bool is_guest(const DeadFlows *d, const IpAddress *a) {
        return !ip_address_is_any(a) &&
               (ip_address_equal(a, &d->guest) || ip_address_equal(a, &d->guest6));
}

/* One without an answer is a new connection, which may be waiting for the guest. */
static bool is_dead(const ConntrackFlow *flow, void *userdata) {
        const DeadFlows *d = userdata;

        return flow->replied &&
               (is_guest(d, &flow->from.address) || is_guest(d, &flow->reply_from.address));
}

static int on_part(sd_event_source *s, int fd, uint32_t revents, void *userdata) {
        usec_t end = usec_add(now_usec(CLOCK_MONOTONIC), SLICE);
        DeadFlows *d = userdata;
        int r;

        (void) fd;
        (void) revents;
        do
                r = conntrack_dump_step(d->dump, is_dead, d);
        while (r > 0 && now_usec(CLOCK_MONOTONIC) < end);
        if (r > 0 || r == -EAGAIN)
                return 0;
        if (r < 0)
                log_debug_errno(r, "cannot look through the host's tracked connections: %m");
        log_debug("%u connections of the guest were deleted", conntrack_dump_forgotten(d->dump));
        return sd_event_source_set_enabled(s, SD_EVENT_OFF);
}

int dead_flows_new(sd_event *event, const Config *c, DeadFlows **ret) {
        _cleanup_(dead_flows_freep) DeadFlows *d = calloc(1, sizeof(*d));
        int r;

        if (!d)
                return -ENOMEM;
        d->guest.v4 = c->guest_address;
        d->guest6.v6 = c->guest_address6;
        r = conntrack_dump_new(AF_UNSPEC, &d->dump);
        if (r >= 0)
                r = sd_event_add_io(event, &d->io, conntrack_dump_fd(d->dump), EPOLLIN, on_part, d);
        if (r < 0)
                return r;
        (void) sd_event_source_set_description(d->io, "dead-flows");
        *ret = TAKE_PTR(d);
        return 0;
}

DeadFlows *dead_flows_free(DeadFlows *d) {
        if (!d)
                return NULL;
        sd_event_source_disable_unref(d->io);
        conntrack_dump_free(d->dump);
        free(d);
        return NULL;
}
