/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <sys/types.h>

#include "host/mount-tree.h"

/* A mount namespace like ours, with mounts that only the guest may see. It is created once and
 * entered with setns() any number of times, which costs a fraction of creating one.
 * Its root directory is ours, also in a chroot.
 *
 * *fd is its descriptor, or -EBADF: then the first of these functions creates it. -EPERM: the host
 * does not allow us to create one, to mount, or to create device nodes; then *fd is untouched. */

/* Adds a /dev/net/tun that user owner may open. */
int mount_ns_add_tun(int *fd, uid_t owner);

/* Adds a tmpfs for that user's memory file (private_memfs_mount()). */
int mount_ns_add_memory(int *fd, const char *directory, uid_t owner, uint64_t size);

/* Makes the tree its root directory, once and for all: nothing can be added after that. */
int mount_ns_add_tree(int *fd, const MountTree *tree);
