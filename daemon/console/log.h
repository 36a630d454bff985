/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The log of a guest's console: lines in the format of api/log-format.h, in files of limited size.
 * Unfinished lines are written at once, so that nothing is lost if umld crashes. */

#include <sys/types.h>

#include "basic/cleanup.h"

typedef struct ConsoleLog ConsoleLog;

/* Appends to path; before that exceeds max bytes it is renamed to path.1, that one to path.2 … and
 * at most files - 1 of these are kept. They are owned and readable by group; (gid_t) -1: only by
 * root. */
int console_log_open(const char *path, uint64_t max, unsigned files, gid_t group, ConsoleLog **ret);
ConsoleLog *console_log_close(ConsoleLog *log);
DEFINE_CLEANUP(ConsoleLog *, console_log_close)

/* Takes output of the guest. Never fails for the caller: what cannot be written is dropped,
 * reported once, and counted until there is space again. */
void console_log_write(ConsoleLog *log, const void *data, size_t size);

/* Writes a line of umld's own: one of the keywords LOG_MARK_…, and text of printable ASCII. */
void console_log_mark(ConsoleLog *log, const char *word, const char *text);
