/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* A running guest that stands still for a moment, so that its images can be copied. It is woken by
 * a process of its own, also when this one is killed. */

#include <sys/types.h>

#include "basic/time-util.h"

/* What tells whether it stood still all the time. */
typedef struct FreezeSight {
        uint64_t pid, restarts; /* of its kernel */
        bool frozen;            /* as its umld sees it; an older one does not */
} FreezeSight;

typedef struct Freeze {
        const char *guest;
        pid_t waker;
        int alive; /* while this is open, the guest stands still */
        usec_t since;
        FreezeSight seen; /* when it began */
} Freeze;

#define FREEZE_INIT ((Freeze){ .alive = -EBADF })

/* Has the guest write what it has in memory to its disks, and stops it. Returns 0 or the exit code,
 * after an error message. */
int freeze_begin(Freeze *f, const char *guest);

/* Wakes it; *ret_took is how long it stood still. Returns like freeze_begin(); a guest that was
 * woken or restarted before is a failure, too. */
int freeze_end(Freeze *f, usec_t *ret_took);

/* The same after a failure, silently. */
void freeze_done(Freeze *f);
