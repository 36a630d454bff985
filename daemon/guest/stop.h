/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The steps of a stop, from polite to certain. */

#include "daemon/boot/process.h"

typedef struct StopStep {
        const char *name;        /* for log and verdict: "shut down cleanly by NAME" */
        const char *commands[4]; /* for the management console, in this order */
        const char *done;        /* words on the console by which it has done all it can; without
                                    them it has an eighth of StopTimeout */
        int signal;              /* else: to the kernel's main process */
        bool kill;               /* else: to everything */
        bool clean;              /* the guest may shut down by itself */
        unsigned until;          /* its share of StopTimeout ends here, in eighths */
} StopStep;

/* The step with this index, NULL behind the last one. */
const StopStep *guest_stop_step(size_t index);

/* The step to take when this one's time is over. */
size_t guest_stop_next(size_t index);

/* The step after this one, in view of the answer (escaped text) to its commands; index itself: no
 * answer to go by. */
size_t guest_stop_answered(size_t index, const char *answer);

/* Takes the step. -ENOTCONN and the like: it cannot be taken with this guest now; go on to the
 * next. */
int guest_stop_take(const StopStep *step, GuestProcess *p);
