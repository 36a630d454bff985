/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <sys/types.h>

#include "basic/macro.h"

/* Takes the lock (flock()) of a file that is opened with these flags. Returns a descriptor to
 * close; -EAGAIN where somebody has it. */
int file_lock(const char *path, int flags, mode_t mode);

/* Who has it at the moment: 1 = that process, 0 = nobody, or nobody who can be seen from here. */
int file_lock_holder(const char *path, pid_t *ret_pid, char ret_comm[static 16]);
