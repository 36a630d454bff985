/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* One pass over the host's tracked connections in the event loop, some milliseconds at a time. */

#include <systemd/sd-event.h>

#include "host/conntrack.h"

typedef struct FlowWalk FlowWalk;

/* fn is called for each of them, and tells whether the host shall forget it; done once at the end,
 * with how many it has forgotten or a negative errno; it may free the walk. The kernel looks
 * through the first part of its table in this call, which takes milliseconds even if the table is
 * empty. */
int flow_walk_new(sd_event *event, ConntrackFn fn, void (*done)(int r, void *userdata),
                  void *userdata, FlowWalk **ret);
FlowWalk *flow_walk_free(FlowWalk *w);
DEFINE_CLEANUP(FlowWalk *, flow_walk_free)
