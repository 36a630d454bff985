/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdio.h>
#include <sys/types.h>

#include "basic/time-util.h"

/* Reads at most max bytes of a file, including files in /proc, and adds a NUL. The caller frees
 * *ret. Returns the number of bytes. */
ssize_t read_file(const char *path, size_t max, char **ret);

/* The same with fewer system calls, for a small file on a disk or in memory that is replaced as a
 * whole: one read() gets all of it. */
ssize_t read_small_file(const char *path, size_t max, char **ret);

/* Reads the first line of a small file, without its newline; the caller frees it. */
int read_first_line(const char *path, char **ret);

/* Writes text with one write() to an existing file, such as a sysctl. */
int write_existing(const char *path, const char *text);

/* Creates or replaces a file of mode 0600, which fill() writes: completely, or on failure not at
 * all. Not synced. */
int fill_file_atomic(const char *path, int (*fill)(int fd, const void *what), const void *what);

/* Replaces the file atomically by a new one with this content: readers see either the old one or
 * the new one. */
int write_file_atomic(const char *path, const void *data, size_t size, mode_t mode);

/* Makes durable that there is an entry of this path. For programs that may wait for a disk. */
int fsync_entry(const char *path);

/* May it be written by others than root, root's group, and the user and group that we run as? */
struct stat;
bool others_may_write(const struct stat *st);

/* Is the open file the one at path? */
bool file_is_at(int fd, const char *path);

/* Closes a stream of open_memstream(), which has put *text there. -ENOMEM: the text is not whole,
 * or is NULL, which glibc's fclose() alone does not tell (2.36). The caller frees it in any case.
 */
int memstream_close(FILE *f, char *const *text);

/* mkdir -p; sets the mode of directories it creates, not of existing ones. */
int mkdir_p(const char *path, mode_t mode);

/* Removes a directory and everything in it, on one file system, without following links, even if
 * others may modify it meanwhile. It is not an error if it does not exist. */
int rm_rf(const char *path);

/* The same, but stops after that long with -EAGAIN if something is left. */
int rm_rf_for(const char *path, usec_t limit);

/* rm_rf() that keeps the directory itself and the entry `keep` in it (NULL: none). */
int clear_directory(const char *path, const char *keep);

/* Opens a directory (O_PATH) by an absolute path of which no part is a symbolic link: whoever owns
 * a directory on the way could change what it leads to at any time. -ELOOP: a part is one. */
int open_plain_directory(const char *path);

/* unlink() that accepts a missing file: 1 = removed, 0 = did not exist. */
int unlink_quiet(const char *path);
