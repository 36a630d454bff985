/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* STATE/NAME/last-exit: what umld leaves behind when it ends, lines of KEY=VALUE:
 *
 *   STATE=stopped | failed
 *   VERDICT=…               enum Verdict
 *   DETAIL=…                one line of text
 *   WHEN=…                  CLOCK_REALTIME, microseconds
 */

#include "api/guest-state.h"
#include "basic/time-util.h"

typedef struct LastExit {
        GuestState state; /* GUEST_STOPPED or GUEST_FAILED */
        Verdict verdict;
        char *detail; /* NULL: none */
        usec_t when;  /* CLOCK_REALTIME */
} LastExit;

void last_exit_done(LastExit *e);

/* Takes ownership of detail; when is now, state is left to the end of umld. */
void last_exit_set(LastExit *e, Verdict verdict, char *detail);

/* The caller's to free(), NULL = no memory. */
char *last_exit_format(const LastExit *e);
int last_exit_write(const char *name, const LastExit *e);

/* Takes what it understands; a line it does not is for a later version. */
int last_exit_parse(const char *text, LastExit *ret);

/* -ENOENT: umld has never ended there. */
int last_exit_read(const char *name, LastExit *ret);
