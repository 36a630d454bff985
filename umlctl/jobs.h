/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Runs helper programs, alone or as a pipeline, and waits for all of them: shows their progress,
 * collects why they fail, and stops them when the user interrupts. */

#include <sys/types.h>

#include "basic/string-util.h"
#include "umlctl/progress.h"

enum {
        JOB_FDS_MAX = 8,
        JOB_TAIL_MAX = 1024, /* bytes kept of standard error */
        JOB_LINE_MAX = 256,
};

typedef struct Job {
        const char *what; /* name of the program in messages */
        Strv argv;
        int fds[JOB_FDS_MAX]; /* the child's descriptors 0, 1, …, borrowed; -1: /dev/null for 0 and
                                 1, else closed. 2 is a pipe that is read here; in a pipeline, 1 of
                                 each and 0 of the next one are set here */
        bool speaks;          /* umld-image: descriptor 1 is a socket for its messages */
        bool sandbox;         /* it enters one (basic/sandbox.h), and begins as that needs it */

        /* Called for each "result KEY VALUE" of umld-image. */
        void (*result)(const char *key, const char *value, void *userdata);
        /* Called for each request of umld-image for a file, by a name that it read in its input;
         * returns a descriptor, which is closed when it has been sent, or a negative errno. */
        int (*file)(const char *name, void *userdata);
        void *userdata;
        /* Called several times a second while it runs. A text ends all programs, and is why. */
        const char *(*check)(void *userdata);
        const char *mark; /* why it fails is the first line of its standard error that begins with
                             this; NULL: the last line */
        uint64_t total;   /* bytes that it will read, for the progress bar; 0: unknown */

        /* State and result. */
        pid_t pid;
        int messages, errors;
        char *error;  /* the "error" message of umld-image */
        bool refused; /* why it got no file comes before that */
        char tail[JOB_TAIL_MAX + 1];
        size_t n_tail;
        char line[JOB_LINE_MAX + 1]; /* with a mark: the line that is being read, */
        size_t n_line;
        bool marked; /* or the one that has it */
        uint64_t done;
        bool ended;
        bool failed_first; /* before any of them was terminated */
        int status;
} Job;

#define JOB_INIT                                                                                   \
        ((Job){ .fds = { -1, -1, -1, -1, -1, -1, -1, -1 }, .messages = -EBADF, .errors = -EBADF })

void job_done(Job *j);

/* Runs them at the same time, as a pipeline. interrupt_block() must have been called. Returns 0 if
 * all succeeded. Otherwise *ret_why says why, one line that the caller frees: -EINTR: interrupted
 * by the user; -ENOENT: a program is not installed; -EIO: a program failed. */
int jobs_run(Job *jobs, size_t n, Progress *progress, char **ret_why);
