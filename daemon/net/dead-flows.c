/* SPDX-License-Identifier: GPL-2.0-or-later */
/* dead-flows.c - deletes a dead guest's connections from the host's connection tracking. */

#include "daemon/net/dead-flows.h"
#include "basic/log.h"
#include "basic/time-util.h"
#include "daemon/base/timer.h"
#include "daemon/net/flow-walk.h"

#define DELAY (10 * USEC_PER_MSEC) /* most of a boot is still to come then */

struct DeadFlows {
        FlowWalk *walk;
        sd_event_source *begin;
        IpAddress guest, guest6;
};

static bool is_guest(const DeadFlows *d, const IpAddress *a) {
        return !ip_address_is_any(a) &&
               (ip_address_equal(a, &d->guest) || ip_address_equal(a, &d->guest6));
}

/* One without an answer is a new connection, which may be waiting for the guest. One that is over
 * expires by itself; and its client may use its port again already, for a connection that waits: of
 * that the host's kernel would know nothing, and not let the answer through. */
static bool is_dead(const ConntrackFlow *flow, void *userdata) {
        const DeadFlows *d = userdata;

        return flow->replied && !flow->over &&
               (is_guest(d, &flow->from.address) || is_guest(d, &flow->reply_from.address));
}

static void on_walked(int r, void *userdata) {
        if (r < 0)
                log_debug_errno(r, "cannot look through the host's tracked connections: %m");
        else
                log_debug("%d connections of the guest were deleted", r);
}

static int on_begin(sd_event_source *s, uint64_t usec, void *userdata) {
        DeadFlows *d = userdata;
        int r = flow_walk_new(sd_event_source_get_event(s), is_dead, on_walked, d, &d->walk);

        if (r < 0)
                log_debug_errno(r, "the connections of the guest stay tracked: %m");
        return 0;
}

/* The next boot, which may be due at once, goes first. */
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
        flow_walk_free(d->walk);
        free(d);
        return NULL;
}
