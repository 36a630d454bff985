/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Makes every child process, so that each begins in the same way: signals have their defaults, the
 * descriptors are the ones that it was given, and it ends with its parent if it is to.
 *
 * Between fork and exec only async-signal-safe functions are called: another thread may have held a
 * lock of libc's at the fork. spawn() does not wait for the exec, which may have to read from a
 * disk: a program that cannot be executed ends with SPAWN_FAILED, after `failed` has reported why.
 * There is no pidfd: a child's pid is its own until its parent has reaped it. */

#include <signal.h>
#include <sys/types.h>

#include "basic/macro.h"

enum {
        SPAWN_FAILED = 127, /* exit status of one that could not be executed, as in shells */
        SPAWN_FDS_MAX = 8,
};

typedef struct Spawn {
        /* What it is: a function, whose return value is its exit status, or else a program. */
        int (*run)(void *userdata);
        const char *program;      /* its path; NULL = argv[0], looked for in PATH */
        char *const *argv;        /* NULL-terminated */
        char *const *environment; /* NULL-terminated; NULL = ours */
        /* Called in the child with the errno if the program cannot be executed. */
        void (*failed)(int error, void *userdata);
        /* Called in the child while it still has our descriptors; negative: it ends. */
        int (*first)(void *userdata);
        void *userdata; /* of all three */

        /* Its descriptors 0, 1, …; negative = /dev/null. No other is left open in a function, but
         * keep_fd; in a program those without close-on-exec are. */
        const int *fds;
        size_t n_fds;  /* 0: standard input, output and error are inherited */
        int keep_fd;   /* stays open at its number; 0 = none */
        bool keep_all; /* a function's: nothing is closed */

        int death_signal;     /* it receives this when we die; 0 = it lives on */
        bool session, group;  /* it leads a session, or a process group, of its own */
        const sigset_t *mask; /* signals that are blocked in it; NULL = none */

        /* CLONE_NEW…: clone() instead of libc's fork(), after which malloc() is not safe. */
        unsigned long namespaces;
        unsigned long optional_namespaces; /* if the host refuses them, they are left out */
        int cgroup_fd; /* directory of the cgroup to begin in, if the host allows it; 0 = ours */
} Spawn;

int spawn(const Spawn *s, pid_t *ret);

/* For callers that may wait: the wait status of a child that has ended, or a negative errno. */
int spawn_wait(pid_t pid);

/* The exit status of a child, or -EIO if a signal ended it. */
int spawn_wait_exit(pid_t pid);
