/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* A lock that somebody else has: since when, and who. */

#include "basic/time-util.h"
#include "daemon/base/fault.h"

typedef struct LockWait {
        usec_t since; /* CLOCK_MONOTONIC; 0 = it was free when it was tried last */
        usec_t looked;
        char holder[64]; /* ", held by pid 12 (comm)" */
        bool said;       /* for who says it once */
} LockWait;

/* It could not be had: *f says what is waited for, and who has it where that takes longer than a
 * moment. what: "the xtables lock"; path: its file. Returns -EAGAIN. */
int lock_wait(LockWait *w, Verdict verdict, const char *what, const char *path, Fault *f);

/* It was had. */
void lock_had(LockWait *w);
