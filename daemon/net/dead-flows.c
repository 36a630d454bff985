/* SPDX-License-Identifier: GPL-2.0-or-later */
/* dead-flows.c - deletes a dead guest's connections from the host's connection tracking. */

#include <sys/socket.h>

#include "basic/log.h"
#include "basic/time-util.h"
#include "daemon/base/timer.h"
#include "daemon/net/dead-flows.h"
#include "host/conntrack.h"

#define SLICE (2 * USEC_PER_MSEC)
#define DELAY (10 * USEC_PER_MSEC) /* most of a boot is still to come then */

struct DeadFlows {
        ConntrackDump *dump;
        sd_event_source *begin, *io;
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

static int start_dump(DeadFlows *d, sd_event *event) {
        int r = conntrack_dump_new(AF_UNSPEC, &d->dump);

        if (r >= 0)
                r = sd_event_add_io(event, &d->io, conntrack_dump_fd(d->dump), EPOLLIN, on_part, d);
        if (r >= 0)
                (void) sd_event_source_set_description(d->io, "dead-flows");
        return r;
}

static int on_begin(sd_event_source *s, uint64_t usec, void *userdata) {
        int r = start_dump(userdata, sd_event_source_get_event(s));

        (void) usec;
        if (r < 0)
                log_debug_errno(r, "the connections of the guest stay tracked: %m");
        return 0;
}

/* The kernel looks through the first part of its table in the call that asks for it, which takes
 * milliseconds even if the table is empty: the next boot, which may be due at once, goes first. */
int dead_flows_new(sd_event *event, const Config *c, DeadFlows **ret) {
        _cleanup_(dead_flows_freep) DeadFlows *d = calloc(1, sizeof(*d));
        int r;

        if (!d)
                return -ENOMEM;
        d->guest.v4 = c->guest_address;
        d->guest6.v6 = c->guest_address6;
        r = timer_new(event, "dead-flows", DELAY, DELAY / 2, on_begin, d, &d->begin);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(d);
        return 0;
}

DeadFlows *dead_flows_free(DeadFlows *d) {
        if (!d)
                return NULL;
        sd_event_source_disable_unref(d->begin);
        sd_event_source_disable_unref(d->io);
        conntrack_dump_free(d->dump);
        free(d);
        return NULL;
}
