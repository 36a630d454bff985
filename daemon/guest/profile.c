/* SPDX-License-Identifier: GPL-2.0-or-later */
/* profile.c - chooses the profile of the guest's next start. */

#include "basic/log.h"
#include "daemon/guest/parts.h"

bool guest_note_boot_end(Guest *g, Verdict verdict, usec_t run_time) {
        const Config *c = g->config;
        const FallbackRule rule = {
                .present = config_has_fallback(c),
                .other_kernel = c->fallback_kernel && !streq(c->kernel, c->fallback_kernel),
                .after = c->fallback_after,
        };
        bool ready = g->state == GUEST_RUNNING || g->state == GUEST_STOPPING;

        return fallback_note_end(&g->past.boots, &rule, verdict, ready, run_time);
}

void guest_forget_boots(Guest *g) {
        g->past.boots = (FallbackHistory){};
}

void guest_choose_profile(Guest *g) {
        const LastExit *e = &g->past.last_exit;

        if (g->past.boots.active == g->config->in_fallback)
                return;
        g->config->in_fallback = g->past.boots.active;
        free(g->past.fallback_why);
        g->past.fallback_why = NULL;
        if (!g->config->in_fallback) {
                log_notice("back to the normal profile");
                return;
        }
        g->past.fallback_why = strfmt("%u failed boot%s in a row, the last: %s: %s",
                                      g->past.boots.failed, g->past.boots.failed == 1 ? "" : "s",
                                      verdict_to_string(e->verdict), e->detail ?: "");
        log_warning("switching to the fallback after %s; to end that, run `umlctl restart`",
                    g->past.fallback_why ?: "failed boots");
}
