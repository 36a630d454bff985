/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The guest's console and its kernel's standard output: always read, from the first byte, so that
 * the guest never waits for a reader; the latest part is kept in memory, everything goes to log and
 * journal and to the attached clients. */

#include <systemd/sd-event.h>

#include "basic/cleanup.h"
#include "daemon/base/adoption.h"
#include "daemon/base/keeper.h"
#include "daemon/console/clients.h"
#include "daemon/console/journal.h"
#include "daemon/console/log.h"

typedef struct Console Console;

int console_new(sd_event *event, Console **ret);
Console *console_free(Console *c);
DEFINE_CLEANUP(Console *, console_free)

/* Sets where the output goes from now on; each may be NULL. Takes ownership. */
void console_set_sinks(Console *c, ConsoleLog *log, ConsoleJournal *journal);

/* The attached clients; they stay attached from one boot to the next. */
ConsoleClients *console_clients(Console *c);

/* Opens new channels for one boot: *ret_terminal for the input of the kernel's con0, *ret_output
 * for its output and for standard output and error; the caller passes both on and closes them. pty:
 * the terminal is a pty and has a window size; only if the kernel's helper for that cannot outlive
 * it. Otherwise it is a socket. */
int console_open(Console *c, bool pty, uid_t owner, int *ret_terminal, int *ret_output);

/* Logs that a boot with this kernel begins, and that it has ended, and why. */
void console_note_boot(Console *c, const char *kernel);
void console_note_end(Console *c, const char *why);

/* Reads what is available now, e.g. the last output of a guest that has ended, and closes the
 * channels. */
void console_finish(Console *c);

/* The latest output of this boot, NUL-terminated, with NULs in it replaced; valid until the next
 * call. */
const char *console_tail(Console *c);

/* Leaves the channels and the clients to our successor, and takes over those of our predecessor. */
void console_save(const Console *c, const SavedText *t, Keeper *k);
int console_adopt(Console *c, Adoption *a);
/* Tells when what console_save() leaves is something else. */
void console_on_change(Console *c, void (*changed)(void *userdata), void *userdata);
