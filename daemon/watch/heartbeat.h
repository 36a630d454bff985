/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Is the guest's kernel alive? Pure: turns observations into a grade.
 *
 * The kernel is asked for its version over the management console at intervals of HangCheck. Only
 * time in which it could have responded and did not counts against it: not time during which it was
 * stopped, or the host scheduled neither it nor umld, nor a jump of a clock. */

#include "api/guest-state.h"
#include "basic/time-util.h"

/* If a timer is later than this, the host has no time for us. */
#define HOST_LATE_MAX USEC_PER_SEC

typedef struct HeartbeatRule {
        usec_t check, timeout; /* HangCheck, HangTimeout */
} HeartbeatRule;

typedef struct Heartbeat {
        GuestHealth health;
        usec_t latency;       /* of the last response */
        usec_t asked;         /* when the oldest pending request was sent, 0 = none */
        unsigned outstanding; /* requests in the kernel's queue */
        usec_t silent;        /* time in which it could have responded */
        usec_t due;           /* of the next tick; 0 = the first one */
        usec_t previous;      /* the last tick */
        uint64_t cpu;         /* as observed then */
        bool unfair;          /* it could not have responded then */
} Heartbeat;

/* What is observed at a tick. All times are CLOCK_MONOTONIC. */
typedef struct HeartbeatSight {
        usec_t now;
        char process_state; /* of the main process, as in /proc/PID/stat; 0 = unknown */
        uint64_t cpu;       /* CPU time it has used so far, in any unit */
} HeartbeatSight;

typedef enum HeartbeatAdvice {
        HEARTBEAT_ASK,  /* send the request */
        HEARTBEAT_WAIT, /* enough requests are pending */
        HEARTBEAT_HUNG, /* kill it */
} HeartbeatAdvice;

/* Updates the grade, and says what to do now; h->due is the time of the next tick. */
HeartbeatAdvice heartbeat_tick(Heartbeat *h, const HeartbeatRule *rule, const HeartbeatSight *seen);

/* The request was sent; queued: it fitted in the kernel's queue. */
void heartbeat_asked(Heartbeat *h, usec_t now, bool queued);

/* A response has arrived. */
void heartbeat_answered(Heartbeat *h, usec_t now);
