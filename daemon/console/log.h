/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The log of a guest's console: its lines as api/log-format.h has them, in files of bounded size.
 * What is there of an unfinished line is written at once, so that a crash of umld loses nothing. */

#include <sys/types.h>

#include "basic/cleanup.h"

typedef struct ConsoleLog ConsoleLog;

/* Appends to path; before it grows beyond max bytes it becomes path.1, that one path.2 … and of
 * these at most files - 1 are kept. group owns them and may read; (gid_t) -1: none but root. */
int console_log_open(const char *path, uint64_t max, unsigned files, gid_t group, ConsoleLog **ret);
ConsoleLog *console_log_close(ConsoleLog *log);
DEFINE_CLEANUP(ConsoleLog *, console_log_close)

/* Takes what the guest printed. Never fails for its caller: what cannot be written is dropped,
 * reported once, and counted until there is room again. */
void console_log_write(ConsoleLog *log, const void *data, size_t size);

/* A line of umld's own: one of the words LOG_MARK_…, and text of printable ASCII. */
void console_log_mark(ConsoleLog *log, const char *word, const char *text);
