/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The guest's console and its kernel's standard output: always read, from the first byte, so that
 * the guest never waits for a reader; the latest part is kept in memory, all of it goes to log and
 * journal and to whoever is attached. */

#include <systemd/sd-event.h>

#include "basic/cleanup.h"
#include "daemon/console/clients.h"
#include "daemon/console/journal.h"
#include "daemon/console/log.h"

typedef struct Console Console;

int console_new(sd_event *event, Console **ret);
Console *console_free(Console *c);
DEFINE_CLEANUP(Console *, console_free)

/* Where the output goes from now on; each may be NULL. Takes ownership. */
void console_set_sinks(Console *c, ConsoleLog *log, ConsoleJournal *journal);

/* Those who are attached; they stay so from one boot to the next. */
ConsoleClients *console_clients(Console *c);

/* New channels for one boot: *ret_terminal for what the kernel's con0 reads, *ret_output for what
 * it prints and for standard output and error, both for the caller to hand on and close. pty: the
 * terminal is one and carries the window size; only where the kernel's helper for that cannot
 * outlive it. Else it is a socket. */
int console_open(Console *c, bool pty, uid_t owner, int *ret_terminal, int *ret_output);

/* A boot begins with this kernel; it has ended, and why: noted in the log. */
void console_note_boot(Console *c, const char *kernel);
void console_note_end(Console *c, const char *why);

/* Reads what is there now, e.g. the last words of a guest that has ended, and closes the channels.
 */
void console_finish(Console *c);

/* The latest output of this boot, NUL-terminated, with NULs in it replaced; valid until the next
 * call. */
const char *console_tail(Console *c);
