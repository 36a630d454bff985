/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Has the guest's kernel executed init, and does init live?
 *
 * The kernel's own notification comes before it mounts its root: a kernel without a usable root
 * file system answers its management console, and panics 50 to 150 ms later. Its console says when
 * it executes init; where that is silenced ("quiet"), the name of process 1 tells, which is the
 * kernel's own until then. That its root is mounted would tell too little: sysctl arguments and the
 * modules that they need come between the two. An init that cannot run takes the kernel with it
 * within a few milliseconds, and so the sign counts only when those have passed. */

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

/* Is this the name (/proc/1/comm, any bytes) of a program that the kernel has executed? */
bool init_was_executed(const char *comm, size_t size);
