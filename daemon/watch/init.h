/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Has the guest's kernel executed init, and does init live?
 *
 * The kernel's own notification comes before it mounts its root: a kernel without a usable root
 * file system answers its management console, and panics 50 to 150 ms later. Its console says when
 * it executes init; where that is silenced ("quiet"), the mounts of process 1 tell that the root is
 * there, which is nearly the kernel's last work before. An init that cannot run takes the kernel
 * with it within a few milliseconds, and so the sign counts only when those have passed. */

#include <systemd/sd-event.h>

#include "daemon/boot/process.h"

typedef struct InitWatch InitWatch;

typedef struct InitListener {
        bool (*announced)(void *userdata); /* has the console said that init is executed? */
        void (*alive)(void *userdata);     /* it was, and has lived for a moment; called once */
        void *userdata;
} InitListener;

/* process: one whose management console answers; borrowed. If neither sign comes within ten seconds
 * (a guest that lives in its initial RAM disk, with a silent console), init counts as alive. */
int init_watch_new(sd_event *event, GuestProcess *process, const InitListener *listener,
                   InitWatch **ret);
InitWatch *init_watch_free(InitWatch *w);
DEFINE_CLEANUP(InitWatch *, init_watch_free)

/* Do these mounts (/proc/1/mounts, any bytes) have a root that is not the kernel's own empty one?
 */
bool init_root_is_mounted(const char *mounts, size_t size);
