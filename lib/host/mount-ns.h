/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <sys/types.h>

#include "host/mount-tree.h"
#include "host/ns-job.h"

/* A mount namespace like ours, with mounts that only the guest may see. It is created once and
 * entered with setns() any number of times, which costs a fraction of creating one.
 * Its root directory is ours, also in a chroot.
 *
 * *fd is its descriptor, or -EBADF: then the first of these functions creates it. -EAGAIN: that is
 * being done by *job. -EPERM: the host does not allow us to create one, to mount, or to create
 * device nodes. *fd is touched on success only. */

/* Adds a /dev/net/tun that user owner may open. */
int mount_ns_add_tun(NsJob *job, int *fd, uid_t owner);

/* Adds a tmpfs for that user's memory file (private_memfs_mount()). */
int mount_ns_add_memory(NsJob *job, int *fd, const char *directory, uid_t owner, uint64_t size);

/* Makes the tree its root directory, once and for all: nothing can be added after that. */
int mount_ns_add_tree(NsJob *job, int *fd, const MountTree *tree);

/* Is that under way? Then what it was begun with need not be worked out again. */
bool mount_ns_adds_tun(const NsJob *job);
bool mount_ns_adds_memory(const NsJob *job);
bool mount_ns_adds_tree(const NsJob *job);
