/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Why a guest cannot be started: one sentence with the remedy, and whether a retry may help. */

#include "api/guest-state.h"
#include "basic/cleanup.h"

typedef struct Fault {
        Verdict verdict;
        bool retry; /* the cause may go away without intervention */
        char *text;
        int wake_fd; /* set by fault_wait(): readable when a retry is worthwhile; 0 = there is no
                        such descriptor */
} Fault;

static inline void fault_done(Fault *f) {
        free(f->text);
        *f = (Fault){};
}

/* Fills in *f and returns error as a negative number, EAGAIN as -EBUSY; %m in the format is its
 * text.
 */
int fault_set(Fault *f, Verdict verdict, bool retry, int error, const char *format, ...)
        _printf_(5, 6);

/* Not a fault yet: it cannot be done now. The text names what it waits for ("the xtables lock") and
 * follows "waiting for" in messages. wake_fd may be negative: none. Returns -EAGAIN. */
int fault_wait(Fault *f, Verdict verdict, int wake_fd, const char *format, ...) _printf_(4, 5);
