/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The guest's balloon: memory that its kernel takes out of use and returns to the host. This is the
 * only way to get memory back, because a UML kernel never returns memory that it has touched. */

#include <systemd/sd-event.h>

#include "daemon/boot/mconsole.h"
#include "daemon/boot/process.h"

/* error: 0, or negative with a sentence in why. */
typedef void (*BalloonDone)(int error, const char *why, void *userdata);

typedef struct GuestBalloon {
        uint64_t held; /* bytes in the balloon */

        /* While memory is being moved: */
        MconsoleCall *call;
        sd_event *event;
        GuestProcess *process;
        uint64_t memory; /* of the guest */
        int64_t bytes;   /* that are still to be moved; > 0: from the guest to the host */
        int64_t piece;   /* of those, what is being moved */
        bool begun;      /* some have been moved */
        bool at_most;    /* take what is available if it is less */
        BalloonDone done;
        void *userdata;
} GuestBalloon;

/* Takes bytes from the guest (> 0) or gives them back (< 0). Only memory that is free in the guest
 * can be taken, and part of that stays: if that is less, it is taken with at_most, and otherwise
 * the request is refused; so is the rest of it if the guest begins to use that meanwhile. done is
 * called later, unless this fails: -EBUSY a move is in progress, -ENOTCONN the kernel is not
 * listening, others as from mconsole_call(). */
int guest_balloon_move(GuestBalloon *b, sd_event *event, GuestProcess *p, uint64_t memory,
                       int64_t bytes, bool at_most, BalloonDone done, void *userdata);

/* The guest is down: the balloon is empty, and done is called if a move is in progress. */
void guest_balloon_reset(GuestBalloon *b);

/* Pure: how much memory may be taken from this guest, according to the text of its meminfo. */
uint64_t balloon_room(const char *meminfo, uint64_t memory);
