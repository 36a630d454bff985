/* SPDX-License-Identifier: GPL-2.0-or-later */
/* watch.c - who looks after the health of a running guest: its kernel's and its services'. */

#include "basic/log.h"
#include "daemon/guest/parts.h"
#include "daemon/guest/verdict.h"

static void on_hung(const char *why, void *userdata) {
        Guest *g = userdata;

        log_error("%s", why);
        (void) free_and_strdup(&g->hung_why, why);
        guest_event(g, EV_HUNG, why);
}

static void on_sick(const char *why, void *userdata) {
        Guest *g = userdata;

        log_error("%s", why);
        (void) free_and_strdup(&g->hung_why, why);
        guest_event(g, EV_SICK, why);
}

/* Whether the kernel itself is silent is the heartbeat's business. */
static bool is_excused(void *userdata) {
        const Guest *g = userdata;
        GuestHealth h = guest_health(g);

        return h != HEALTH_UNKNOWN && h != HEALTH_GOOD && h != HEALTH_BUSY;
}

/* Has its kernel booted, and is it to go on? */
static bool can_be_asked(const Guest *g) {
        return (g->state == GUEST_BOOTING || g->state == GUEST_RUNNING) &&
               g->asked == ASKED_NOTHING && guest_process_booted(g->process);
}

/* Without a watch the guest runs as well. */
void guest_watch_health(Guest *g) {
        int r;

        if (!can_be_asked(g))
                return;
        g->health = health_watch_free(g->health);
        r = health_watch_new(g->event, g->process, g->config, on_hung, g, &g->health);
        if (r < 0)
                log_warning_errno(r, "cannot watch for hangs of the guest, going on: %m");
}

void guest_watch_services(Guest *g) {
        const ProbeListener listener = { .excused = is_excused, .sick = on_sick, .userdata = g };
        int r;

        if (g->state != GUEST_RUNNING || !can_be_asked(g))
                return;
        g->probes = probe_set_free(g->probes);
        r = probe_set_new(g->event, g->config, &listener, &g->probes);
        if (r < 0)
                log_warning_errno(r, "cannot watch the guest's services, going on: %m");
}

void guest_unwatch(Guest *g) {
        g->health = health_watch_free(g->health);
        g->probes = probe_set_free(g->probes);
}
