/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <sys/types.h>

#include "basic/macro.h"

/* A mount namespace like ours, with what only the guest shall see in it. Made once and entered by
 * setns() as often as wanted, which costs a fraction of making one.
 *
 * *fd is a descriptor for it, -EBADF for none yet: then the first of these makes it. -EPERM: the
 * host does not let us make one, or mount, or make device nodes; then *fd is as it was. */

/* Adds a /dev/net/tun that user owner may open. */
int mount_ns_add_tun(int *fd, uid_t owner);

/* Adds a tmpfs for that user's memory file (private_memfs_mount()). */
int mount_ns_add_memory(int *fd, const char *directory, uid_t owner, uint64_t size);
