/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What a guest's kernel tries that is in the hands of its guest: one row for each attempt. None of
 * them does harm if it succeeds: a signal is signal 0, a file is opened and not changed, memory is
 * taken a little beyond what was promised. */

#include "basic/macro.h"

/* What becomes of an attempt; a negative errno is a refusal. */
enum {
        REACHED = 0, /* it succeeded */
        BOUNDED = 1, /* it was refused at what the guest was promised, or before */
};

typedef struct Attempt {
        const char *what; /* a line of the table */
        int (*try)(const struct Attempt *a);
        const char *target; /* a path, or a name for target() */
        long number, arguments[5];
} Attempt;

typedef struct AttemptGroup {
        const char *title;
        const Attempt *attempts;
        size_t n;
} AttemptGroup;

extern const AttemptGroup group_files, group_processes, group_calls, group_sockets, group_space,
        group_tap;

/* What the test says of the host: a word target.NAME=VALUE of the command line. An absolute path
 * stands for itself. */
const char *target(const char *name);
long target_number(const char *name);

/* The process that started us, and what we had open when we were started: one bit each. */
typedef struct Beginning {
        int parent;
        bool open[4096];
} Beginning;

extern Beginning beginning;

/* A plain system call; what it gives back does not matter. */
int try_call(const Attempt *a);
