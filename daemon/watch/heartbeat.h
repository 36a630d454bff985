/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Is the guest's kernel alive? Pure: what was seen goes in, a grade comes out.
 *
 * The kernel is asked for its version over the management console every HangCheck. What counts
 * against it is time in which it could have answered and did not: not the time in which somebody
 * had stopped it, nor that in which the host let neither it nor umld run, nor a jump of a clock. */

#include "api/guest-state.h"
#include "basic/time-util.h"

/* A timer that is later than this says that the host has no time for us. */
#define HOST_LATE_MAX USEC_PER_SEC

typedef struct HeartbeatRule {
        usec_t check, timeout; /* HangCheck, HangTimeout */
} HeartbeatRule;

typedef struct Heartbeat {
        GuestHealth health;
        usec_t latency;       /* of the last answer */
        usec_t asked;         /* when the oldest question without an answer was put, 0 = none */
        unsigned outstanding; /* questions that wait in the kernel's queue */
        usec_t silent;        /* how long it could have answered */
        usec_t due;           /* of the next tick; 0 = the first one */
        usec_t previous;      /* the last tick */
        uint64_t cpu;         /* as seen then */
        bool unfair;          /* it could not have answered then */
} Heartbeat;

/* What is seen at a tick. All times are CLOCK_MONOTONIC. */
typedef struct HeartbeatSight {
        usec_t now;
        char process_state; /* of the main process, as in /proc/PID/stat; 0 = not known */
        uint64_t cpu;       /* time it has used so far, in any unit */
} HeartbeatSight;

typedef enum HeartbeatAdvice {
        HEARTBEAT_ASK,  /* put the question */
        HEARTBEAT_WAIT, /* enough of them wait already */
        HEARTBEAT_HUNG, /* end it */
} HeartbeatAdvice;

/* Grades, and says what to do now; h->due is the time of the next tick. */
HeartbeatAdvice heartbeat_tick(Heartbeat *h, const HeartbeatRule *rule, const HeartbeatSight *seen);

/* The question was put; queued: it fitted in the kernel's queue. */
void heartbeat_asked(Heartbeat *h, usec_t now, bool queued);

/* An answer has come. */
void heartbeat_answered(Heartbeat *h, usec_t now);
