/* SPDX-License-Identifier: GPL-2.0-or-later */
/* drain.c - waits for the end of the connections that clients have to the guest. */

#include "daemon/net/drain.h"
#include "basic/log.h"
#include "basic/time-util.h"
#include "daemon/base/timer.h"
#include "daemon/net/flow-walk.h"

#define LOOK_EVERY (200 * USEC_PER_MSEC)
#define ACCURACY   (20 * USEC_PER_MSEC)

struct Drain {
        sd_event *event;
        FlowWalk *walk;
        sd_event_source *look;
        IpAddress guest, guest6;
        unsigned found, left;
        void (*done)(void *userdata);
        void *userdata;
};

/* Nothing is forgotten here. */
static bool note(const ConntrackFlow *flow, void *userdata) {
        const IpAddress *to = &flow->reply_from.address;
        Drain *d = userdata;

        if (flow->open && !ip_address_is_any(to) &&
            (ip_address_equal(to, &d->guest) || ip_address_equal(to, &d->guest6)))
                d->found++;
        return false;
}

static void on_walked(int r, void *userdata) {
        Drain *d = userdata;

        if (r < 0) {
                log_debug_errno(r, "cannot see the guest's connections: %m");
                return;
        }
        d->left = d->found;
        if (d->left == 0)
                d->done(d->userdata);
        else
                (void) timer_arm(d->look, LOOK_EVERY);
}

static int on_look(sd_event_source *s, uint64_t usec, void *userdata) {
        Drain *d = userdata;
        int r;

        d->walk = flow_walk_free(d->walk);
        d->found = 0;
        r = flow_walk_new(d->event, note, on_walked, d, &d->walk);
        if (r < 0)
                log_debug_errno(r, "cannot see the guest's connections: %m");
        return 0;
}

int drain_new(sd_event *event, const Config *c, void (*done)(void *userdata), void *userdata,
              Drain **ret) {
        _cleanup_(drain_freep) Drain *d = calloc(1, sizeof(*d));
        int r;

        if (!d)
                return -ENOMEM;
        d->event = sd_event_ref(event);
        d->guest.v4 = c->guest_address;
        d->guest6.v6 = c->guest_address6;
        d->done = done;
        d->userdata = userdata;
        r = timer_new(event, "drain", 0, ACCURACY, on_look, d, &d->look);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(d);
        return 0;
}

Drain *drain_free(Drain *d) {
        if (!d)
                return NULL;
        sd_event_source_disable_unref(d->look);
        flow_walk_free(d->walk);
        sd_event_unref(d->event);
        free(d);
        return NULL;
}

unsigned drain_left(const Drain *d) {
        return d->left;
}
