/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Makes the host forget the connections of a guest that has died: they can never come back, but
 * count towards the limit of the guest's connections, and a packet of such a UDP flow would not
 * wait for the next boot as those of new flows do. Goes on in the event loop, some milliseconds at
 * a time. */

#include <systemd/sd-event.h>

#include "basic/cleanup.h"
#include "conf/config.h"

typedef struct DeadFlows DeadFlows;

/* c is borrowed for this call only. */
int dead_flows_new(sd_event *event, const Config *c, DeadFlows **ret);
/* Connections that have not been looked at are kept. To be called before the next boot has
 * connections of its own. */
DeadFlows *dead_flows_free(DeadFlows *d);
DEFINE_CLEANUP(DeadFlows *, dead_flows_free)
