/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* STATE/NAME/last-exit: how the guest ended last, for umlctl when no umld is there to ask. */

#include "api/guest-state.h"
#include "basic/time-util.h"

typedef struct LastExit {
        Verdict verdict;
        char *detail;
        usec_t when; /* CLOCK_REALTIME */
} LastExit;

void last_exit_done(LastExit *e);

/* Takes ownership of detail. */
void last_exit_set(LastExit *e, Verdict verdict, char *detail);

int last_exit_write(const char *path, GuestState state, const LastExit *e);
