/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Makes a namespace in a child, for unshare() would move us as well. Nobody waits for it: what it
 * does takes a millisecond usually, and for ever if a mount leads to a server that is gone. */

#include "basic/child.h"

/* All zero: there is none. */
typedef struct NsJob {
        Child child;
        int (*make)(void *userdata); /* what it does */
        int result; /* once it has said: the namespace's descriptor, or why there is none */
        bool said;
} NsJob;

typedef struct NsWish {
        const char *file; /* below /proc/PID/ns: "mnt" */
        /* In the child: enters the namespace, and makes what is to be in it. */
        int (*make)(void *userdata);
        void *userdata;
        int fd; /* kept open in the child; negative = none */
} NsWish;

/* Begins the job, or continues the one that does the same; one that does something else is given
 * up. Returns the descriptor of the namespace. -EAGAIN: not yet, call it again when
 * ns_job_wake_fd() is readable. -ETIMEDOUT: it took too long. */
int ns_job(NsJob *j, const NsWish *wish);

/* Is it at work on that? */
static inline bool ns_job_makes(const NsJob *j, int (*make)(void *userdata)) {
        return child_there(&j->child) && j->make == make;
}

static inline int ns_job_wake_fd(const NsJob *j) {
        return j->child.output;
}

/* Gives it up. */
void ns_job_done(NsJob *j);
