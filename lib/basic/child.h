/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* A child process that is never waited for: it writes to a pipe and exits, and is polled now and
 * then to see whether it has. Users with an event loop poll when `output` is readable or closed,
 * and by a timer, because a process ends a moment after its output. */

#include <sys/types.h>

#include "basic/time-util.h"

typedef struct ChildWish {
        /* Run in the child, without other descriptors than /dev/null as standard input, output,
         * which is also its standard output, our standard error, and fd. Its return value is the
         * exit status. */
        int (*run)(int output, void *userdata);
        void *userdata;
        usec_t patience; /* time after which it is killed */
        size_t keep;  /* bytes of its output to keep, from the beginning; more is read and discarded
                       */
        int fd;       /* kept open in the child; 0 = none */
        bool session; /* it leads a session of its own, which ends with it */
        unsigned long optional_namespaces; /* as of spawn() */
} ChildWish;

/* All zero: no child. */
typedef struct Child {
        pid_t pid; /* 0 = none, or it has ended */
        int output;
        bool session;
        usec_t deadline; /* CLOCK_MONOTONIC */
        char *said;      /* NUL-terminated */
        size_t n_said, keep;
        bool overflow;     /* it wrote more than was kept */
        bool status_known; /* false: the kernel or somebody else has reaped it, for example because
                              SIGCHLD is ignored */
        int status;        /* as from waitpid(), once it has ended */
} Child;

int child_start(Child *c, const ChildWish *wish);

/* 1 = it has ended, and so has everything that inherited its output; 0 = not yet; -ETIMEDOUT: it
 * took longer than its patience, and has been killed. Never waits for longer than a millisecond. */
int child_poll(Child *c);

/* The same, but waits; for callers that have nothing else to do. */
int child_wait(Child *c);

/* Has it been started, and not been released yet? */
static inline bool child_there(const Child *c) {
        return c->said;
}

/* Has it written exactly that many bytes? Copies them. */
bool child_told(const Child *c, void *ret, size_t size);

/* Tells it to end; child_poll() reports whether it has. */
void child_end(const Child *c);

/* Kills it if it is still running. Afterwards there is no child. */
void child_done(Child *c);

/* Takes over a child that was sent SIGKILL or the like and whose result does not matter: it is
 * reaped here, or later by children_collect(). */
void child_abandon(pid_t pid);
size_t children_collect(void); /* how many are left */

/* Is it one of those above? */
bool child_is_known(pid_t pid);
