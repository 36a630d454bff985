/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Keeps the guest's rules right while the host changes. */

#include <systemd/sd-event.h>

#include "daemon/net/net.h"

typedef struct NetWatch NetWatch;

/* net is borrowed. */
int net_watch_new(sd_event *event, Net *net, NetWatch **ret);
NetWatch *net_watch_free(NetWatch *w);
DEFINE_CLEANUP(NetWatch *, net_watch_free)

/* To be called when the host was set up or its configuration changed: watches from now on if there
 * is anything to watch. */
int net_watch_update(NetWatch *w);

/* Calls fn when the host gets the default route that the last set-up did not find. */
void net_watch_on_route(NetWatch *w, void (*fn)(void *userdata), void *userdata);
/* To be called when the guest waits for its next start: no event is dropped if it needs a route. */
void net_watch_wait(NetWatch *w);

/* Checks at once: there may be something to repair. */
void net_watch_soon(NetWatch *w);

/* What the last check is waiting for, such as the lock of the tables; NULL: it was completed. */
const char *net_watch_waits_for(const NetWatch *w);
