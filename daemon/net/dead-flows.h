/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Makes the host forget the connections of a guest that has died: they can never come back, but
 * count to what the guest may have, and a packet of such a flow of UDP would not wait for the next
 * boot as those of new flows do. Goes on in the event loop, some milliseconds at a time. */

#include <systemd/sd-event.h>

#include "basic/cleanup.h"
#include "conf/config.h"

typedef struct DeadFlows DeadFlows;

/* c is borrowed for this call only. */
int dead_flows_new(sd_event *event, const Config *c, DeadFlows **ret);
/* What has not been looked at is kept: to be called before the next boot has connections. */
DeadFlows *dead_flows_free(DeadFlows *d);
DEFINE_CLEANUP(DeadFlows *, dead_flows_free)
