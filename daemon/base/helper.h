/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* A program that does something for umld which takes time. umld logs what it prints, and learns of
 * its end by an event; nothing waits for it. */

#include <sys/types.h>
#include <systemd/sd-event.h>

#include "basic/cleanup.h"
#include "basic/time-util.h"

enum {
        HELPER_KILLED = -1, /* a signal ended it */
        HELPER_LATE = -2,   /* it took longer than its limit, and was killed */
};

typedef struct Helper Helper;

typedef struct HelperOrder {
        const char *program; /* its path; its exit status is SPAWN_FAILED if it cannot be run */
        char *const *argv;   /* NULL-terminated */
        char *const *environment; /* NULL-terminated; NULL = ours */
        int fd;                   /* its descriptor 3; negative = /dev/null */
        usec_t limit;             /* how long it may take */
        bool sandbox;             /* it enters one (basic/sandbox.h), and begins as that needs it */
        void (*line)(const char *text, void *userdata); /* a line of its output, escaped */
        void (*ended)(int status, void *userdata);      /* may free the helper */
        void *userdata;                                 /* of both */
} HelperOrder;

enum {
        HELPER_FD = 3,
};

/* The strings are borrowed until it has started, userdata until its end. */
int helper_start(sd_event *event, const HelperOrder *order, Helper **ret);

/* The same for one that is running, as the program that was executed in the place of the one which
 * has started it, is its parent, and has handed over output; what order says of its start does not
 * matter. Owns output, also on failure. -ECHILD: it is not our child. */
int helper_adopt(sd_event *event, const HelperOrder *order, pid_t pid, int output, Helper **ret);
/* Its output is ours: what has to be handed over for that. */
pid_t helper_pid(const Helper *h);
int helper_output(const Helper *h);

/* Kills it with all processes of its group. */
Helper *helper_free(Helper *h);
DEFINE_CLEANUP(Helper *, helper_free)
