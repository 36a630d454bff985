/* SPDX-License-Identifier: GPL-2.0-or-later */
/* flow-walk.c - walks over the host's tracked connections in the event loop. */

#include <sys/socket.h>

#include "basic/time-util.h"
#include "daemon/net/flow-walk.h"

#define SLICE (2 * USEC_PER_MSEC)

struct FlowWalk {
        ConntrackDump *dump;
        sd_event_source *io;
        ConntrackFn fn;
        void (*done)(int r, void *userdata);
        void *userdata;
};

static int on_part(sd_event_source *s, int fd, uint32_t revents, void *userdata) {
        usec_t end = usec_add(now_usec(CLOCK_MONOTONIC), SLICE);
        FlowWalk *w = userdata;
        int r;

        do
                r = conntrack_dump_step(w->dump, w->fn, w->userdata);
        while (r > 0 && now_usec(CLOCK_MONOTONIC) < end);
        if (r > 0 || r == -EAGAIN)
                return 0;
        (void) sd_event_source_set_enabled(s, SD_EVENT_OFF);
        w->done(r < 0 ? r : (int) conntrack_dump_forgotten(w->dump), w->userdata);
        return 0;
}

int flow_walk_new(sd_event *event, ConntrackFn fn, void (*done)(int r, void *userdata),
                  void *userdata, FlowWalk **ret) {
        _cleanup_(flow_walk_freep) FlowWalk *w = calloc(1, sizeof(*w));
        int r;

        if (!w)
                return -ENOMEM;
        *w = (FlowWalk){ .fn = fn, .done = done, .userdata = userdata };
        r = conntrack_dump_new(AF_UNSPEC, &w->dump);
        if (r >= 0)
                r = sd_event_add_io(event, &w->io, conntrack_dump_fd(w->dump), EPOLLIN, on_part, w);
        if (r < 0)
                return r;
        (void) sd_event_source_set_description(w->io, "tracked-connections");
        *ret = TAKE_PTR(w);
        return 0;
}

FlowWalk *flow_walk_free(FlowWalk *w) {
        if (!w)
                return NULL;
        sd_event_source_disable_unref(w->io);
        conntrack_dump_free(w->dump);
        free(w);
        return NULL;
}
