/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The files of a console log, found and followed while umld renames them. */

#include <sys/types.h>

#include "api/log-format.h"

typedef struct LogFiles {
        char *path; /* of the newest: console.log */
        size_t n;
        int fds[LOG_FILES_MAX]; /* oldest first */
} LogFiles;

/* Opens all there are. -ENOENT: none. */
int log_files_open(const char *path, LogFiles *ret);
void log_files_close(LogFiles *f);

/* Is the newest one that we have still the newest there is? */
bool log_files_current(const LogFiles *f);

/* Replaces what we have by the newest of it and those that are newer. 1: done; 0: our newest one is
 * there no more, and maybe others between it and the oldest now. */
int log_files_renew(LogFiles *f);
