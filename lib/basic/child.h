/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* A child process that nobody waits for: it says something on a pipe and ends, and is looked at
 * now and then to see whether it has. Who has an event loop looks when `output` is readable or
 * closed, and by a timer, since a process ends a moment after its words do. */

#include <sys/types.h>

#include "basic/time-util.h"

typedef struct ChildWish {
        int (*run)(int output, void *userdata); /* in the child; its value is the exit status */
        void *userdata;
        usec_t patience; /* then it is killed */
        size_t keep;     /* bytes of what it says, from the beginning; more is read and forgotten */
        int fd;          /* stays open in the child beside the standard ones and output; 0 = none */
        bool session;    /* it leads a session of its own, which ends with it */
} ChildWish;

/* All zero: there is none. */
typedef struct Child {
        pid_t pid; /* 0 = none, or it has ended */
        int output;
        bool session;
        usec_t deadline; /* CLOCK_MONOTONIC */
        char *said;      /* NUL-terminated */
        size_t n_said, keep;
        bool overflow;     /* it said more */
        bool status_known; /* else somebody else has collected it: SIGCHLD is ignored, say */
        int status;        /* as waitpid() tells it, once it has ended */
} Child;

int child_start(Child *c, const ChildWish *wish);

/* 1 = it has ended, and everybody who had its output from it; 0 = not yet; -ETIMEDOUT: it did not
 * within its patience, and is killed. Never waits for longer than a millisecond. */
int child_poll(Child *c);

/* The same for whoever has nothing else to do. */
int child_wait(Child *c);

/* Has it been started, and not been done with? */
static inline bool child_there(const Child *c) {
        return c->said;
}

/* It shall end; whether it has is for child_poll() to tell. */
void child_end(const Child *c);

/* Kills it where it runs still. Afterwards there is none. */
void child_done(Child *c);

/* Takes over a child that was sent SIGKILL or the like, whose end nobody is interested in: it is
 * collected here, or by children_collect() when it has come to that. */
void child_abandon(pid_t pid);
void children_collect(void);
