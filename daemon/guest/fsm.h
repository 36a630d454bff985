/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The life cycle of a guest as a table: in this state, on this event, perform that action and enter
 * that state. Pure. */

#include "api/guest-state.h"

typedef enum GuestEvent {
        EV_START,    /* it is to be started: the first start, or the end of a delay */
        EV_PREPARED, /* the host is set up for the guest */
        EV_READY,    /* the guest is ready */
        EV_TIMER, /* the timer of the state: boot timeout, next step of a stop, end of the back-off
                   */
        EV_DIED_AGAIN,   /* it ended, and is to be restarted when the restart delay is over */
        EV_DIED_DONE,    /* it ended, and may stay down */
        EV_DIED_FAULT,   /* it ended, or could not start, and no retry helps */
        EV_UNDONE,       /* all changes to the host have been undone, as intended */
        EV_UNDONE_FAULT, /* they have been undone because of a fault */
        EV_HUNG,         /* its kernel no longer responds */
        EV_SICK,         /* a service in it no longer answers, although its kernel responds */
        EV_STOP,         /* it is to be shut down cleanly */
        EV_RESTART,      /* the same, and then started again */
        EV_KILL,         /* it is to be killed */
        GUEST_EVENT_MAX,
        GUEST_EVENT_INVALID = -EINVAL,
} GuestEvent;

typedef enum GuestAction {
        ACT_IGNORE,     /* the event has no meaning here: no action, same state */
        ACT_PREPARE,    /* set the host up */
        ACT_LAUNCH,     /* start the kernel */
        ACT_ANNOUNCE,   /* report that the guest is ready */
        ACT_STOP,       /* first step of a clean stop */
        ACT_STOP_SICK,  /* the same, because a service does not answer */
        ACT_STOP_NEXT,  /* next, harsher step */
        ACT_KILL,       /* kill it */
        ACT_KILL_HUNG,  /* kill it, because it was not ready in time or does not respond */
        ACT_WAIT,       /* wait for the time of the next start */
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
