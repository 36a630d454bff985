/* SPDX-License-Identifier: GPL-2.0-or-later */
/* flow-count.c - counts the guest's tracked connections. */

#include <stdlib.h>

#include "basic/time-util.h"
#include "daemon/net/flow-count.h"
#include "daemon/net/flow-walk.h"

/* Not more often than that: a pass over a full table takes a tenth of a second of CPU time. */
#define COUNT_AGAIN (10 * USEC_PER_SEC)

struct FlowCount {
        sd_event *event;
        FlowWalk *walk;
        bool walking;
        usec_t began; /* CLOCK_MONOTONIC, of the last pass; 0 = there was none */
        IpAddress guest, guest6;
        uint64_t found;
        int result; /* of the last pass that has ended; -EAGAIN: none has */
        uint64_t count;
};

static bool is_guest(const FlowCount *c, const IpAddress *a) {
        return !ip_address_is_any(a) &&
               (ip_address_equal(a, &c->guest) || ip_address_equal(a, &c->guest6));
}

/* None of them is to be forgotten. */
static bool look_at(const ConntrackFlow *flow, void *userdata) {
        FlowCount *c = userdata;

        c->found += is_guest(c, &flow->from.address) || is_guest(c, &flow->reply_from.address);
        return false;
}

static void on_walked(int r, void *userdata) {
        FlowCount *c = userdata;

        c->walking = false;
        c->result = MIN(r, 0);
        c->count = c->found;
}

static void begin(FlowCount *c, const Config *config) {
        int r;

        c->walk = flow_walk_free(c->walk);
        c->guest = (IpAddress){ .v4 = config->guest_address };
        c->guest6 = (IpAddress){ .v6 = config->guest_address6 };
        c->found = 0;
        c->began = now_usec(CLOCK_MONOTONIC);
        r = flow_walk_new(c->event, look_at, on_walked, c, &c->walk);
        c->walking = r >= 0;
        if (r < 0)
                c->result = r;
}

int flow_count_get(FlowCount *c, const Config *config, uint64_t *ret) {
        if (!c->walking &&
            (c->began == 0 || now_usec(CLOCK_MONOTONIC) >= usec_add(c->began, COUNT_AGAIN)))
                begin(c, config);
        if (c->result < 0)
                return c->result;
        *ret = c->count;
        return 0;
}

int flow_count_new(sd_event *event, FlowCount **ret) {
        FlowCount *c = calloc(1, sizeof(*c));

        if (!c)
                return -ENOMEM;
        *c = (FlowCount){ .event = sd_event_ref(event), .result = -EAGAIN };
        *ret = c;
        return 0;
}

FlowCount *flow_count_free(FlowCount *c) {
        if (!c)
                return NULL;
        flow_walk_free(c->walk);
        sd_event_unref(c->event);
        free(c);
        return NULL;
}
