/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Timers of the event loop, which are one-shot and armed again as needed. */

#include <systemd/sd-event.h>

#include "basic/time-util.h"

/* Expires after delay, up to accuracy later; USEC_INFINITY: only once it is armed. name is for the
 * event loop's debug output. */
int timer_new(sd_event *event, const char *name, usec_t delay, usec_t accuracy,
              sd_event_time_handler_t handler, void *userdata, sd_event_source **ret);

/* Arms it; 0 or a negative errno, as its handler has to return. */
int timer_arm(sd_event_source *timer, usec_t delay);
