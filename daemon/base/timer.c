/* SPDX-License-Identifier: GPL-2.0-or-later */
/* timer.c - creates and arms timers of the event loop. */

#include "daemon/base/timer.h"

int timer_new(sd_event *event, const char *name, usec_t delay, usec_t accuracy,
              sd_event_time_handler_t handler, void *userdata, sd_event_source **ret) {
        const bool armed = delay != USEC_INFINITY;
        sd_event_source *s = NULL;
        int r = sd_event_add_time_relative(event, &s, CLOCK_MONOTONIC, armed ? delay : 0, accuracy,
                                           handler, userdata);

        if (r >= 0 && !armed)
                r = sd_event_source_set_enabled(s, SD_EVENT_OFF);
        if (r < 0) {
                sd_event_source_unref(s);
                return r;
        }
        (void) sd_event_source_set_description(s, name);
        *ret = s;
        return 0;
}

int timer_arm(sd_event_source *timer, usec_t delay) {
        int r = sd_event_source_set_time_relative(timer, delay);

        return r < 0 ? r : sd_event_source_set_enabled(timer, SD_EVENT_ONESHOT);
}
