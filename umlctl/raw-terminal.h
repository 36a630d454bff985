/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The user's terminal while its keys go to a guest: each is passed on as it is typed. However
 * umlctl ends, short of a SIGKILL of its own, the terminal is put back. */

#include <stddef.h>

/* Switches it, remembering how it was; also again after a stop. */
int raw_terminal_enter(int fd);

/* Puts it back; harmless where it was not switched. */
void raw_terminal_leave(void);

/* Watches what a guest prints for what outlasts its programs, and returns the sequences that undo
 * it: colours, a hidden cursor, mouse reports, the alternate screen. */
typedef struct TerminalModes { /* {} at first */
        unsigned state, number;
        int alternate; /* the guest has switched to the other screen */
} TerminalModes;

void terminal_modes_watch(TerminalModes *m, const char *data, size_t size);
const char *terminal_modes_reset(const TerminalModes *m);
