/* SPDX-License-Identifier: GPL-2.0-or-later */
/* waiting.c - tells the service manager what a start or a stop waits for, and extends its timeout.
 */

#include "basic/log.h"
#include "basic/string-util.h"
#include "daemon/base/notify.h"
#include "daemon/base/timer.h"
#include "daemon/guest/parts.h"

#define LOOK_EVERY USEC_PER_SEC
#define EXTENSION  (15 * USEC_PER_SEC) /* a few ticks may be late */

const char *guest_waits_for(const Guest *g) {
        return setup_run_waits_for(g->run)
                       ?: retry_waits_for(g->reload.retry) ?: net_watch_waits_for(g->net_watch);
}

static bool is_waited_for(const Guest *g) {
        return g->state == GUEST_PREPARING || g->state == GUEST_STOPPING;
}

static void tell(Guest *g, const char *what) {
        _cleanup_free_ char *text =
                strfmt("%s: waiting for %s", guest_state_to_string(g->state), what);

        notify_extend_timeout(EXTENSION);
        if (!text || (g->waiting.told && streq(g->waiting.told, text)))
                return;
        notify_status(text);
        log_notice("%s", text);
        free(g->waiting.told);
        g->waiting.told = TAKE_PTR(text);
}

static int on_look(sd_event_source *s, uint64_t usec, void *userdata) {
        Guest *g = userdata;
        const char *what = guest_waits_for(g);

        if (!is_waited_for(g))
                return 0;
        if (what)
                tell(g, what);
        return timer_arm(s, LOOK_EVERY);
}

void guest_waiting_done(Guest *g) {
        sd_event_source_disable_unref(g->waiting.look);
        free(g->waiting.told);
}

void guest_tell_waits(Guest *g) {
        int r = 0;

        free(g->waiting.told);
        g->waiting.told = NULL;
        if (!is_waited_for(g))
                return;
        if (!g->waiting.look)
                r = timer_new(g->event, "waiting", LOOK_EVERY, LOOK_EVERY / 4, on_look, g,
                              &g->waiting.look);
        else
                r = timer_arm(g->waiting.look, LOOK_EVERY);
        if (r < 0)
                log_warning_errno(r, "cannot report what the guest is waiting for, ignoring: %m");
}
