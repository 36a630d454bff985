/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The words with which umld, umlctl and their readers speak about a guest. */

#include "basic/string-table.h"

/* What a guest is. Kept apart from what is wanted of it (GuestWanted). */
typedef enum GuestState {
        GUEST_STOPPED,   /* nothing of it is on the host */
        GUEST_PREPARING, /* the host is being set up: lock, memory, tap, rules */
        GUEST_BOOTING,   /* the kernel runs and is not ready yet */
        GUEST_RUNNING,   /* ready, as Ready= defines it */
        GUEST_STOPPING,  /* asked to go down, by steps that get harsher with time */
        GUEST_BACKOFF,   /* died; the next start has a time */
        GUEST_FAILED,    /* a fault that no retry mends */
        GUEST_STATE_MAX,
        GUEST_STATE_INVALID = -EINVAL,
} GuestState;

typedef enum GuestWanted {
        WANTED_DOWN,
        WANTED_UP,
        GUEST_WANTED_MAX,
        GUEST_WANTED_INVALID = -EINVAL,
} GuestWanted;

/* How a guest ended, from what was seen and not from what the guest says of itself. */
typedef enum Verdict {
        VERDICT_NONE,     /* it has not ended yet */
        VERDICT_POWEROFF, /* it went down by itself and does not ask to come back */
        VERDICT_REBOOT,   /* it asked to be started again */
        VERDICT_STOPPED,  /* umld was told to take it down */
        VERDICT_PANIC,    /* its kernel panicked */
        VERDICT_KILLED,   /* a signal from outside */
        VERDICT_HUNG,     /* it was not ready in time, or stopped answering */
        VERDICT_MEMORY,   /* its memory file system was full */
        VERDICT_DISK,     /* a disk is missing, locked, broken or full */
        VERDICT_NETWORK,  /* tap or rules could not be set up */
        VERDICT_KERNEL,   /* this kernel cannot run here */
        VERDICT_USAGE,    /* a bad argument or a bad configuration */
        VERDICT_EXIT,     /* any other exit status */
        VERDICT_MAX,
        VERDICT_INVALID = -EINVAL,
} Verdict;

/* How a guest is that runs, from what its kernel answers and what is seen of its process. */
typedef enum GuestHealth {
        HEALTH_UNKNOWN, /* nobody looks: it does not run, goes down, or HangCheck=0 */
        HEALTH_BOOTING, /* its kernel does not listen yet; StartTimeout= watches */
        HEALTH_GOOD,    /* its kernel answers */
        HEALTH_BUSY,    /* its kernel answers, but took its time */
        HEALTH_STALLED, /* no answer, for less than HangTimeout= */
        HEALTH_HUNG,    /* no answer for HangTimeout= */
        HEALTH_STOPPED, /* somebody stopped its process by a signal or a debugger */
        HEALTH_FROZEN,  /* umld holds it, for the host's disk is full */
        HEALTH_STARVED, /* the host did not let it run, or umld */
        GUEST_HEALTH_MAX,
        GUEST_HEALTH_INVALID = -EINVAL,
} GuestHealth;

DECLARE_STRING_TABLE(guest_health, GuestHealth);
DECLARE_STRING_TABLE(guest_state, GuestState);
DECLARE_STRING_TABLE(guest_wanted, GuestWanted);
DECLARE_STRING_TABLE(verdict, Verdict);
