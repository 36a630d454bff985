/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The user's terminal while its keys go to a guest: each key is passed on as it is typed. However
 * umlctl ends, short of being killed by SIGKILL, the terminal is restored. */

#include <stddef.h>

/* Switches to raw mode and remembers the previous mode; to be called again after a stop. */
int raw_terminal_enter(int fd);

/* Restores the terminal; does nothing if it was not switched. */
void raw_terminal_leave(void);

/* Standard output, opened again, so that making it non-blocking does not affect others that share
 * it; -1 and errno. */
int terminal_open_output(void);

/* Blocks these signals; a descriptor that they are read from, or a negative errno. */
int terminal_open_signals(const int *signals, size_t n);

/* Watches the guest's output for terminal modes that outlast its programs (colours, a hidden
 * cursor, mouse reports, the alternate screen), and returns the sequences that reset them. */
typedef struct TerminalModes { /* initialise to {} */
        unsigned state, number;
        int alternate; /* the guest has switched to the alternate screen */
} TerminalModes;

void terminal_modes_watch(TerminalModes *m, const char *data, size_t size);
const char *terminal_modes_reset(const TerminalModes *m);
