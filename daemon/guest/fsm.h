/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The life of a guest as a table: in this state, on this event, do that and be there. Pure. */

#include "api/guest-state.h"

typedef enum GuestEvent {
        EV_START,    /* it shall run: first start, or an end of the waiting */
        EV_PREPARED, /* the host is as the guest needs it */
        EV_READY,    /* the guest is ready */
        EV_TIMER, /* the timer of the state: boot too slow, next step of a stop, end of the back-off
                   */
        EV_DIED_AGAIN,   /* it ended, and shall be started again when its time has come */
        EV_DIED_DONE,    /* it ended, and that is all right */
        EV_DIED_FAULT,   /* it ended, or could not start, and no retry helps */
        EV_UNDONE,       /* all that was done to the host is undone, as it was to be */
        EV_UNDONE_FAULT, /* … because of a fault */
        EV_HUNG,         /* its kernel does not answer any more */
        EV_SICK,         /* a service in it does not answer any more, though its kernel does */
        EV_STOP,         /* it shall go down cleanly */
        EV_RESTART,      /* the same, and come up again */
        EV_KILL,         /* it shall be down at once */
        GUEST_EVENT_MAX,
        GUEST_EVENT_INVALID = -EINVAL,
} GuestEvent;

typedef enum GuestAction {
        ACT_IGNORE,     /* the event means nothing here: no action, no new state */
        ACT_PREPARE,    /* set the host up */
        ACT_LAUNCH,     /* start the kernel */
        ACT_ANNOUNCE,   /* say that the guest is ready */
        ACT_STOP,       /* first step of a clean stop */
        ACT_STOP_SICK,  /* the same, because a service does not answer */
        ACT_STOP_NEXT,  /* next, harsher step */
        ACT_KILL,       /* power cut */
        ACT_KILL_HUNG,  /* power cut, because it was not ready in time or does not answer */
        ACT_WAIT,       /* until the next start's time */
        ACT_UNDO,       /* undo what was done to the host: EV_UNDONE */
        ACT_UNDO_FAULT, /* the same, because of a fault: EV_UNDONE_FAULT */
        ACT_FINISH,     /* end */
        GUEST_ACTION_MAX,
        GUEST_ACTION_INVALID = -EINVAL,
} GuestAction;

typedef struct GuestTransition {
        GuestAction action;
        GuestState next;
} GuestTransition;

/* For ACT_IGNORE, next is the state itself. */
GuestTransition guest_fsm(GuestState state, GuestEvent event);

DECLARE_STRING_TABLE(guest_event, GuestEvent);
DECLARE_STRING_TABLE(guest_action, GuestAction);
