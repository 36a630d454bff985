/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hold.c - whether new connections wait for the guest, in each of its phases. */

#include "daemon/guest/parts.h"
#include "daemon/net/hold-queue.h"

/* A guest that stays down, or whose next start is too far away, lets nobody wait for it. */
static bool will_be_up(const Guest *g) {
        if (g->state == GUEST_STOPPED || g->state == GUEST_FAILED)
                return false;
        if (g->state == GUEST_BACKOFF)
                return g->past.delay < g->config->hold_timeout;
        return g->wanted == WANTED_UP;
}

/* It shuts itself down, and umld lets it. */
static bool will_stay_off(const Guest *g) {
        return g->boot.leaving == LEAVING_POWEROFF && g->config->restart != RESTART_ALWAYS &&
               g->boot.phase < BOOT_STOPPING;
}

static HoldPhase wanted_phase(const Guest *g) {
        BootPhase phase = g->boot.phase;

        if (!will_be_up(g) || will_stay_off(g) || phase == BOOT_GONE)
                return HOLD_OFF;
        if (g->boot.dying)
                return HOLD_WAIT;
        if (g->boot.leaving != LEAVING_NOT && phase <= BOOT_READY)
                return HOLD_LEAVING;
        /* If the guest says itself when it is ready, its services do not count before. */
        if (phase == BOOT_ANSWERS && g->config->ready == READY_BOOT)
                return HOLD_TRY;
        return phase == BOOT_READY ? HOLD_READY : HOLD_WAIT;
}

void guest_follow_hold(Guest *g) {
        if (!g->setup->net->hold || g->adopting.resuming || g->adopting.from)
                return;
        hold_set_phase(g->setup->net->hold, wanted_phase(g));
        if (g->boot.phase != BOOT_GONE && net_queue_lost(g->setup->net))
                net_watch_soon(g->net_watch);
}
