/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* A tmpfs for one guest's memory file only. */

#include <sys/types.h>

#include "basic/macro.h"

/* Mounts one of that size at directory, for user uid only, and checks that it may hold executable
 * pages, which a kernel's RAM must: -EACCES or -EPERM if the host forbids them. On failure nothing
 * stays mounted. */
int private_memfs_mount(const char *directory, uid_t uid, uint64_t size);

/* May pages of files in this directory be executable? 0 = yes. */
int memfs_check_exec(const char *directory);
