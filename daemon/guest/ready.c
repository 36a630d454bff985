/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ready.c - when a guest that boots counts as running. */

#include <stdio.h>

#include "daemon/guest/parts.h"

void guest_become_ready(Guest *g) {
        char why[96];

        snprintf(why, sizeof(why), "%s%s after %s", g->config->in_fallback ? "fallback: " : "",
                 g->config->ready == READY_BOOT ? "booted" : "the guest reported ready",
                 FORMAT_TIMESPAN(usec_sub(now_usec(CLOCK_MONOTONIC),
                                          guest_process_started(g->boot.process))));
        guest_event(g, EV_READY, why);
}

/* What every kernel from 5.10 to 7.2 prints before it executes init, for each program it tries. */
static bool init_announced(void *userdata) {
        const Guest *g = userdata;
        const char *run = strstr(console_tail(g->console), "Run /");

        return run && strstr(run, " as init process");
}

static void on_init_alive(void *userdata) {
        guest_become_ready(userdata);
}

int guest_watch_init(Guest *g) {
        const InitListener listener = { .announced = init_announced,
                                        .alive = on_init_alive,
                                        .userdata = g };

        if (g->config->ready != READY_BOOT)
                return 0;
        return init_watch_new(g->event, g->boot.process, &listener, &g->watch.init);
}

void guest_unwatch_init(Guest *g) {
        g->watch.init = init_watch_free(g->watch.init);
}
