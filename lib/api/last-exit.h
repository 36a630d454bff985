/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* STATE/NAME/last-exit: the record that umld leaves when it ends, lines of KEY=VALUE:
 *
 *   STATE=stopped | failed
 *   VERDICT=…               enum Verdict
 *   DETAIL=…                one line of text
 *   WHEN=…                  CLOCK_REALTIME, microseconds */

#include "api/guest-state.h"
#include "basic/time-util.h"

typedef struct LastExit {
        GuestState state; /* GUEST_STOPPED or GUEST_FAILED */
        Verdict verdict;
        char *detail; /* NULL: none */
        usec_t when;  /* CLOCK_REALTIME */
} LastExit;

void last_exit_done(LastExit *e);

/* Takes ownership of detail; `when` becomes now, state is set when umld ends. */
void last_exit_set(LastExit *e, Verdict verdict, char *detail);

/* Formats the record; the caller frees it, NULL = out of memory. */
char *last_exit_format(const LastExit *e);
int last_exit_write(const char *name, const LastExit *e);

/* Parses the lines that are known; unknown lines are for later versions. */
int last_exit_parse(const char *text, LastExit *ret);

/* -ENOENT: no umld has ended for this guest. */
int last_exit_read(const char *name, LastExit *ret);
