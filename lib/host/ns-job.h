/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Makes a namespace in a thread, which moves to it alone and ends there. Nobody waits for it: what
 * it does takes a millisecond usually, and for ever if a mount leads to a server that is gone. A
 * child would take five times as long to start, for the sake of memory that it does not use. */

#include "basic/job.h"
#include "basic/time-util.h"

/* All zero: there is none. */
typedef struct NsJob {
        Job *job;
        int kind;        /* as in its wish */
        usec_t deadline; /* CLOCK_MONOTONIC */
} NsJob;

typedef struct NsWish {
        const char *file; /* below /proc/PID/ns: "mnt"; a constant */
        int kind;         /* whatever the caller tells its wishes by */
        /* In the thread, which shares descriptors and memory with the others, but neither working
         * directory nor umask: enters the namespace, and makes what is to be in it. */
        int (*make)(void *userdata);
        void *userdata;                    /* the job's from then on, also on failure */
        void (*free_userdata)(void *data); /* NULL: it need not be freed */
} NsWish;

/* Begins the job. One that is under way is given up. */
int ns_job_begin(NsJob *j, const NsWish *wish);

/* Continues it. Returns the descriptor of the namespace. -EAGAIN: not yet, call it again when
 * ns_job_wake_fd() is readable. -ETIMEDOUT: it took too long. */
int ns_job_take(NsJob *j);

/* Is it at work on a wish of that kind? */
static inline bool ns_job_makes(const NsJob *j, int kind) {
        return j->job && j->kind == kind;
}

static inline int ns_job_wake_fd(const NsJob *j) {
        return job_fd(j->job);
}

/* The directory with the namespaces of the thread that calls this, other than those of the process
 * in /proc/self/ns. Linux 3.17 has a link to it. */
int ns_open_of_thread(void);

/* Gives it up. What it has begun in a namespace of its own vanishes with that. */
void ns_job_done(NsJob *j);
