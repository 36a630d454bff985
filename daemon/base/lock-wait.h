/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* A lock that another process holds: since when, and which process. */

#include "basic/time-util.h"
#include "daemon/base/fault.h"

typedef struct LockWait {
        usec_t since; /* CLOCK_MONOTONIC; 0 = the last attempt got it */
        usec_t looked;
        char holder[64]; /* ", held by pid 12 (comm)" */
        bool said;       /* for callers that log it once */
} LockWait;

/* The lock is held by somebody else: *f says what is waited for and, if that takes longer than 100
 * ms, who holds it. what: "the xtables lock"; path: its file. Returns -EAGAIN. */
int lock_wait(LockWait *w, Verdict verdict, const char *what, const char *path, Fault *f);

/* The lock was taken. */
void lock_had(LockWait *w);
