/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* SIGINT, SIGTERM and SIGHUP for a verb that must clean up before it ends. */

#include <signal.h>

#include "basic/macro.h"

/* Blocks them, and SIGCHLD. */
void interrupt_block(void);

/* The mask from before, for children. */
const sigset_t *interrupt_old_mask(void);

/* A signalfd for them and SIGCHLD. */
int interrupt_open(void);

/* Records a signal that the caller has read from the descriptor. */
void interrupt_note(int signal);

/* The signal that was received or is pending; 0: none. */
int interrupt_get(void);
