/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* A guest's console as messages of the host's journal: umld@NAME, with the field UMLD_GUEST. The
 * lines are made fit for any terminal (basic/console-text.h). */

#include "basic/cleanup.h"

typedef struct ConsoleJournal ConsoleJournal;

#define CONSOLE_JOURNAL_SOCKET "/run/systemd/journal/socket"

/* socket: where the journal takes messages in its native protocol; it need not be there yet. */
int console_journal_new(const char *socket, const char *guest, ConsoleJournal **ret);
ConsoleJournal *console_journal_free(ConsoleJournal *j);
DEFINE_CLEANUP(ConsoleJournal *, console_journal_free)

/* Takes what the guest printed; whole lines are sent on. Never blocks: what the journal does not
 * take at once is dropped, and counted. */
void console_journal_write(ConsoleJournal *j, const void *data, size_t size);

/* The guest has ended: sends an unfinished line. */
void console_journal_finish(ConsoleJournal *j);
