/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Why a guest cannot be started: one sentence with the remedy, and whether a retry may help. */

#include "api/guest-state.h"
#include "basic/cleanup.h"

typedef struct Fault {
        Verdict verdict;
        bool retry; /* the cause may go away without intervention */
        char *text;
} Fault;

static inline void fault_done(Fault *f) {
        free(f->text);
        *f = (Fault){};
}

/* Fills in *f and returns error as a negative number; %m in the format is its text. */
int fault_set(Fault *f, Verdict verdict, bool retry, int error, const char *format, ...)
        _printf_(5, 6);
