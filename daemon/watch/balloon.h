/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The guest's balloon: memory that its kernel takes out of use and gives back to the host. The only
 * way by which it ever comes back, as a UML kernel never returns what it has touched. */

#include <systemd/sd-event.h>

#include "daemon/boot/mconsole.h"
#include "daemon/boot/process.h"

/* error: 0, or negative with a sentence in why. */
typedef void (*BalloonDone)(int error, const char *why, void *userdata);

typedef struct GuestBalloon {
        uint64_t held; /* bytes that it keeps from the guest */

        /* While it moves: */
        MconsoleCall *call;
        sd_event *event;
        GuestProcess *process;
        uint64_t memory; /* of the guest */
        int64_t bytes;   /* > 0: from the guest to the host */
        bool at_most;    /* take what there is, if it is less */
        BalloonDone done;
        void *userdata;
} GuestBalloon;

/* Takes bytes from the guest (> 0) or gives them back (< 0). Only what is free in the guest can be
 * taken, and a part of that stays: where that is less, at_most takes it and else it is refused.
 * done is called later, unless this fails: -EBUSY it is moving already, -ENOTCONN the kernel does
 * not listen, others as of mconsole_call(). */
int guest_balloon_move(GuestBalloon *b, sd_event *event, GuestProcess *p, uint64_t memory,
                       int64_t bytes, bool at_most, BalloonDone done, void *userdata);

/* The guest is down: all of it is gone, and done is called where somebody waits. */
void guest_balloon_reset(GuestBalloon *b);

/* Pure: how much of this guest's memory may be taken, by its own meminfo text. */
uint64_t balloon_room(const char *meminfo, uint64_t memory);
