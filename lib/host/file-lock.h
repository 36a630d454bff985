/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <sys/stat.h>
#include <sys/types.h>

#include "basic/macro.h"

/* Opens a file with these flags and locks it (flock()). Returns the descriptor, whose close
 * releases the lock; -EAGAIN: it is held by somebody else. */
int file_lock(const char *path, int flags, mode_t mode);

/* Has the process that file open? path is its real one, and *file what stat() tells
 * of it. */
bool file_is_open(pid_t pid, const char *path, const struct stat *file);

/* Who holds the lock at the moment: 1 = that process, 0 = nobody, or a process that is not visible
 * from here. */
int file_lock_holder(const char *path, pid_t *ret_pid, char ret_comm[static 16]);
