/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The files of a console log, found and followed across rotation. */

#include <sys/types.h>

#include "api/log-format.h"

typedef struct LogFiles {
        char *path; /* of the newest file, console.log */
        size_t n;
        int fds[LOG_FILES_MAX]; /* oldest first */
} LogFiles;

/* Opens all that exist. -ENOENT: there are none. */
int log_files_open(const char *path, LogFiles *ret);
void log_files_close(LogFiles *f);

/* Is our newest file still the newest one? */
bool log_files_current(const LogFiles *f);

/* Reopens the files from our newest one on. 1: done; 0: our newest file no longer exists, and
 * others between it and the oldest existing one may be missing too. */
int log_files_renew(LogFiles *f);
