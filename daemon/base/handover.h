/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What umld hands over to the program that it executes in its own place, beside what umld-init
 * keeps: while the guest waits for its next start there is no umld-init, and some of it is of use
 * only to a successor that is there at once. The descriptors are queued in a socket, as messages of
 * a store (host/init-store.h), and the program inherits its other end, whose number is in its
 * environment. */

#include "daemon/base/keeper.h"

typedef struct Handover {
        Keeper keeper; /* what is put there is handed over */
        int inherited; /* -EBADF: nothing is handed over */
} Handover;

#define HANDOVER_NONE ((Handover){ .keeper.socket = -EBADF, .inherited = -EBADF })

int handover_begin(Handover *ret);
/* Nothing more comes: the next program to be executed gets it. */
int handover_finish(Handover *h);
/* It is not executed after all, or there is nothing to hand over. */
void handover_cancel(Handover *h);

/* As the program that was executed: is there something? */
bool handover_is_there(void);
/* The socket, once, which the caller closes; -ENOENT: there is none. */
int handover_take(void);
