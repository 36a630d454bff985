/* SPDX-License-Identifier: GPL-2.0-or-later */
/* stop.c - what is tried to bring a guest down, and when. */

#include <signal.h>

#include "daemon/guest/stop.h"

/* With `noreboot` on its command line ctrl-alt-del is a clean shutdown for systemd, busybox init
 * and OpenRC: they have told their kernel to leave the key to them. Where nobody has, the kernel
 * would reset itself at once, without a sync, so it is asked first. An init that ignores the key
 * leaves the magic keys: sync, remount read-only, power off, which work with any. The kernel does
 * the first two when it has time, and the last one would overtake them: with a busy guest an eighth
 * of the time is spent on their end, and less where the kernel says so. SIGTERM ends a UML kernel
 * at once and without a sync. */
enum {
        STEP_ASK,
        STEP_CAD,
        STEP_REMOUNT,
        STEP_OFF,
        STEP_TERM,
        STEP_KILL,
};

static const StopStep steps[] = {
        [STEP_ASK] = { .name = "a question who handles ctrl-alt-del",
                       .clean = true,
                       .commands = { "proc sys/kernel/ctrl-alt-del" },
                       .until = 1 },
        [STEP_CAD] = { .name = "ctrl-alt-del", .commands = { "cad" }, .clean = true, .until = 4 },
        [STEP_REMOUNT] = { .name = "sysrq s, u",
                           .commands = { "sysrq s", "sysrq u" },
                           .clean = true,
                           .done = "Emergency Remount complete",
                           .until = 5 },
        [STEP_OFF] = { .name = "sysrq o", .commands = { "sysrq o" }, .clean = true, .until = 6 },
        [STEP_TERM] = { .name = "SIGTERM", .signal = SIGTERM, .until = 7 },
        [STEP_KILL] = { .name = "SIGKILL", .kill = true, .until = 8 },
};

/* Without an answer the key is left alone, as it may be a reset. */
size_t guest_stop_next(size_t index) {
        return index == STEP_ASK ? STEP_REMOUNT : index + 1;
}

size_t guest_stop_answered(size_t index, const char *answer) {
        if (index != STEP_ASK)
                return index;
        if (streq(answer, "0"))
                return STEP_CAD;
        return isempty(answer) ? index : STEP_REMOUNT; /* the first datagram is an empty line */
}

const StopStep *guest_stop_step(size_t index) {
        return index < ARRAY_SIZE(steps) ? &steps[index] : NULL;
}

int guest_stop_take(const StopStep *step, GuestProcess *p) {
        if (step->kill) {
                guest_process_kill(p);
                return 0;
        }
        if (step->signal)
                return guest_process_signal(p, step->signal);
        for (size_t i = 0; step->commands[i]; i++) {
                int r = guest_process_command(p, step->commands[i]);

                if (r < 0)
                        return r;
        }
        return 0;
}
