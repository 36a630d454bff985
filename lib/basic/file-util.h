/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <sys/types.h>

#include "basic/macro.h"

/* Reads at most max bytes of a file, also of one in /proc; adds a NUL. *ret is the caller's to
 * free(). Returns the number of bytes. */
ssize_t read_file(const char *path, size_t max, char **ret);

/* The first line of a small file, without its newline, the caller's to free(). */
int read_first_line(const char *path, char **ret);

/* Writes text with one write() to a file that exists, such as a sysctl. */
int write_existing(const char *path, const char *text);

/* Replaces the file by a new one with this content: either the old or the new one is ever seen. */
int write_file_atomic(const char *path, const void *data, size_t size, mode_t mode);

/* mkdir -p; sets the mode of directories it makes, not of those that are there. */
int mkdir_p(const char *path, mode_t mode);

/* Deletes a directory with all it holds, on one file system, following no link, also where others
 * may change it meanwhile. Gone already is success. */
int rm_rf(const char *path);

/* The same, but leaves the directory itself and the entry keep in it (NULL: none). */
int clear_directory(const char *path, const char *keep);

/* unlink() that takes "not there" as success: 1 = removed, 0 = was not there. */
int unlink_quiet(const char *path);
