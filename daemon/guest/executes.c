/* SPDX-License-Identifier: GPL-2.0-or-later */
/* executes.c - what a successor gets that we execute in our own place.
 *
 * While the guest runs its umld-init keeps nearly all of that (keep.c), so that nothing is lost if
 * the successor dies. While it waits for its next start there is only the one on standby, which is
 * ended before that, and everything is handed over. */

#include "basic/process.h"
#include "daemon/guest/parts.h"

/* There is an umld-init that knows of us, and a kernel that is not about to end. */
static bool is_kept(const Guest *g) {
        return g->keep.on && !g->keep.taking && guest_process_pid(g->boot.process) > 0 &&
               !g->boot.dying;
}

bool guest_is_at_rest(const Guest *g) {
        const BootPhase phase = g->boot.phase;

        if (setup_run_active(g->run) || g->reload.request || g->adopting.from)
                return false;
        if (g->state == GUEST_BACKOFF)
                return g->next_start.at > 0;
        return is_kept(g) && ((g->state == GUEST_BOOTING && phase <= BOOT_ANSWERS) ||
                              (g->state == GUEST_RUNNING && phase == BOOT_READY) ||
                              (g->state == GUEST_STOPPING && phase == BOOT_STOPPING));
}

int guest_saved_state(Guest *g) {
        Keeper nobody = { .socket = -EBADF };

        return guest_write_state(g, &nobody);
}

void guest_clear_children(Guest *g) {
        guest_drop_standby(g);
}

static void go_on_as_before(Guest *g) {
        handover_cancel(&g->keep.handover);
        (void) guest_keep_now(g);
        if (g->boot.phase == BOOT_READY)
                (void) guest_make_standby(g);
        else if (g->state == GUEST_BACKOFF)
                guest_wait(g);
}

static int hand_all_over(Guest *g, Keeper *k) {
        _cleanup_close_ int fd = guest_write_state(g, k);

        if (fd < 0)
                return fd;
        keeper_put(k, "state", fd);
        return 0;
}

int guest_executes(Guest *g, const char *program) {
        Handover *h = &g->keep.handover;
        int r;

        g->keep.executing = program != NULL;
        g->keep.program_fd = safe_close(g->keep.program_fd);
        if (!program) {
                go_on_as_before(g);
                return 0;
        }
        g->keep.program_fd = program_open();
        r = handover_begin(h);
        if (r >= 0)
                r = g->boot.process ? guest_keep_now(g) : hand_all_over(g, &h->keeper);
        if (r >= 0)
                r = hold_hand_over(g->hold, g->setup->host->directory, &h->keeper);
        if (r >= 0 && g->listener.hand_over)
                g->listener.hand_over(&h->keeper, g->listener.userdata);
        return r < 0 ? r : handover_finish(h);
}
