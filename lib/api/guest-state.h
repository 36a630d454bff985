/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The vocabulary that umld, umlctl and their users share about a guest. */

#include "basic/string-table.h"

/* The state of a guest, kept apart from the state that is wanted (GuestWanted). */
typedef enum GuestState {
        GUEST_STOPPED,   /* nothing of it is on the host */
        GUEST_PREPARING, /* the host is being set up: lock, memory, tap, rules */
        GUEST_BOOTING,   /* the kernel is running, but not ready yet */
        GUEST_RUNNING,   /* ready, as Ready= defines it */
        GUEST_STOPPING,  /* shutting down, by increasingly harsh steps */
        GUEST_BACKOFF,   /* died; the next start is scheduled */
        GUEST_FAILED,    /* a fault that no retry can fix */
        GUEST_STATE_MAX,
        GUEST_STATE_INVALID = -EINVAL,
} GuestState;

typedef enum GuestWanted {
        WANTED_DOWN,
        WANTED_UP,
        GUEST_WANTED_MAX,
        GUEST_WANTED_INVALID = -EINVAL,
} GuestWanted;

/* How a guest ended, judged by what was observed, not by what the guest says about itself. */
typedef enum Verdict {
        VERDICT_NONE,     /* it has not ended yet */
        VERDICT_POWEROFF, /* it powered off by itself */
        VERDICT_REBOOT,   /* it asked for a reboot */
        VERDICT_STOPPED,  /* umld was told to stop it */
        VERDICT_PANIC,    /* its kernel panicked */
        VERDICT_KILLED,   /* killed by a signal from outside */
        VERDICT_HUNG,     /* not ready in time, or no longer responding */
        VERDICT_MEMORY,   /* its memory file system was full */
        VERDICT_DISK,     /* a disk is missing, locked, broken or full */
        VERDICT_NETWORK,  /* tap or rules could not be set up */
        VERDICT_KERNEL,   /* this kernel cannot run here */
        VERDICT_USAGE,    /* invalid argument or invalid configuration */
        VERDICT_EXIT,     /* any other exit status */
        VERDICT_MAX,
        VERDICT_INVALID = -EINVAL,
} Verdict;

/* The health of a running guest, from the responses of its kernel and the state of its process. */
typedef enum GuestHealth {
        HEALTH_UNKNOWN, /* not checked: it is not running, shutting down, or HangCheck=0 */
        HEALTH_BOOTING, /* its kernel is not listening yet; StartTimeout= applies */
        HEALTH_GOOD,    /* its kernel responds */
        HEALTH_BUSY,    /* its kernel responds, but slowly */
        HEALTH_STALLED, /* no response, for less than HangTimeout= */
        HEALTH_HUNG,    /* no response for HangTimeout= */
        HEALTH_STOPPED, /* stopped by a signal or a debugger */
        HEALTH_FROZEN,  /* by umld, because the host's disk is full, or by a client */
        HEALTH_STARVED, /* the host did not schedule it, or umld */
        GUEST_HEALTH_MAX,
        GUEST_HEALTH_INVALID = -EINVAL,
} GuestHealth;

DECLARE_STRING_TABLE(guest_health, GuestHealth);
DECLARE_STRING_TABLE(guest_state, GuestState);
DECLARE_STRING_TABLE(guest_wanted, GuestWanted);
DECLARE_STRING_TABLE(verdict, Verdict);
