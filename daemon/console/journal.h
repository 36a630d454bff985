/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Sends a guest's console to the host's journal as messages of umld@NAME, with the field
 * UMLD_GUEST. The lines are made safe for any terminal (basic/console-text.h). */

#include "basic/cleanup.h"

typedef struct ConsoleJournal ConsoleJournal;

#define CONSOLE_JOURNAL_SOCKET "/run/systemd/journal/socket"

/* socket: where the journal receives messages in its native protocol; it need not exist yet. */
int console_journal_new(const char *socket, const char *guest, ConsoleJournal **ret);
ConsoleJournal *console_journal_free(ConsoleJournal *j);
DEFINE_CLEANUP(ConsoleJournal *, console_journal_free)

/* Takes output of the guest; complete lines are sent. Never blocks: what the journal does not
 * accept at once is dropped and counted. */
void console_journal_write(ConsoleJournal *j, const void *data, size_t size);

/* The guest has ended: sends an unfinished line. */
void console_journal_finish(ConsoleJournal *j);
