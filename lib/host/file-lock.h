/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <sys/types.h>

#include "basic/macro.h"

/* Opens a file with these flags and locks it (flock()). Returns the descriptor, whose close
 * releases the lock; -EAGAIN: it is held by somebody else. */
int file_lock(const char *path, int flags, mode_t mode);

/* Who holds the lock at the moment: 1 = that process, 0 = nobody, or a process that is not visible
 * from here. */
int file_lock_holder(const char *path, pid_t *ret_pid, char ret_comm[static 16]);
