/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fsm.c - state x event -> action and next state. */

#include "daemon/guest/fsm.h"

/* Operations: what a state waits for. Caveats: what must hold in it.
 *
 * - stopped: nothing of the guest is on the host; umld ends here, or has just begun
 * - preparing: the host is set up, and a damaged file system repaired; how that went is an event
 * - booting: the kernel runs; timer = StartTimeout
 * - running: ready; no timer
 * - stopping: the timer walks the steps of the stop; a second order does not start them again, only
 *   EV_KILL cuts them short; whether it comes up again is GuestWanted's business: EV_DIED_… tells.
 *   Where it does not, what was done to the host is undone then, and EV_UNDONE… is the end of that;
 *   from the other states without a process that is all there is to do
 * - backoff: no process; the host stays prepared; timer = the next start
 * - failed: like stopped, with a reason to be fixed first */
static const GuestTransition table[GUEST_STATE_MAX][GUEST_EVENT_MAX] = {
        [GUEST_STOPPED] = {
                [EV_START]      = { ACT_PREPARE,   GUEST_PREPARING },
        },
        [GUEST_PREPARING] = {
                [EV_PREPARED]   = { ACT_LAUNCH,    GUEST_BOOTING },
                [EV_DIED_AGAIN] = { ACT_WAIT,      GUEST_BACKOFF },
                [EV_DIED_FAULT] = { ACT_UNDO_FAULT, GUEST_STOPPING },
                [EV_STOP]       = { ACT_UNDO,      GUEST_STOPPING },
                [EV_KILL]       = { ACT_UNDO,      GUEST_STOPPING },
        },
        [GUEST_BOOTING] = {
                [EV_READY]      = { ACT_ANNOUNCE,  GUEST_RUNNING },
                [EV_TIMER]      = { ACT_KILL_HUNG, GUEST_BOOTING },
                [EV_HUNG]       = { ACT_KILL_HUNG, GUEST_BOOTING },
                [EV_DIED_AGAIN] = { ACT_WAIT,      GUEST_BACKOFF },
                [EV_DIED_DONE]  = { ACT_UNDO,      GUEST_STOPPING },
                [EV_DIED_FAULT] = { ACT_UNDO_FAULT, GUEST_STOPPING },
                [EV_STOP]       = { ACT_STOP,      GUEST_STOPPING },
                [EV_RESTART]    = { ACT_STOP,      GUEST_STOPPING },
                [EV_KILL]       = { ACT_KILL,      GUEST_STOPPING },
        },
        [GUEST_RUNNING] = {
                [EV_HUNG]       = { ACT_KILL_HUNG, GUEST_RUNNING },
                [EV_SICK]       = { ACT_STOP_SICK, GUEST_STOPPING },
                [EV_DIED_AGAIN] = { ACT_WAIT,      GUEST_BACKOFF },
                [EV_DIED_DONE]  = { ACT_UNDO,      GUEST_STOPPING },
                [EV_DIED_FAULT] = { ACT_UNDO_FAULT, GUEST_STOPPING },
                [EV_STOP]       = { ACT_STOP,      GUEST_STOPPING },
                [EV_RESTART]    = { ACT_STOP,      GUEST_STOPPING },
                [EV_KILL]       = { ACT_KILL,      GUEST_STOPPING },
        },
        [GUEST_STOPPING] = {
                [EV_TIMER]      = { ACT_STOP_NEXT, GUEST_STOPPING },
                [EV_DIED_AGAIN] = { ACT_WAIT,      GUEST_BACKOFF },
                [EV_DIED_DONE]  = { ACT_UNDO,      GUEST_STOPPING },
                [EV_DIED_FAULT] = { ACT_UNDO_FAULT, GUEST_STOPPING },
                [EV_UNDONE]     = { ACT_FINISH,    GUEST_STOPPED },
                [EV_UNDONE_FAULT] = { ACT_FINISH,  GUEST_FAILED },
                [EV_KILL]       = { ACT_KILL,      GUEST_STOPPING },
        },
        [GUEST_BACKOFF] = {
                [EV_START]      = { ACT_PREPARE,   GUEST_PREPARING },
                [EV_TIMER]      = { ACT_PREPARE,   GUEST_PREPARING },
                [EV_RESTART]    = { ACT_PREPARE,   GUEST_PREPARING },
                [EV_STOP]       = { ACT_UNDO,      GUEST_STOPPING },
                [EV_KILL]       = { ACT_UNDO,      GUEST_STOPPING },
        },
        [GUEST_FAILED] = {
                [EV_START]      = { ACT_PREPARE,   GUEST_PREPARING },
        },
};

GuestTransition guest_fsm(GuestState state, GuestEvent event) {
        GuestTransition t;

        assert(state >= 0 && state < GUEST_STATE_MAX);
        assert(event >= 0 && event < GUEST_EVENT_MAX);
        t = table[state][event];
        if (t.action == ACT_IGNORE)
                t.next = state;
        return t;
}
