/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <sys/types.h>

#include "host/mount-tree.h"
#include "host/ns-job.h"

/* What only the guest may see of the mounts of this host. */
typedef struct MountWish {
        enum {
                MOUNT_TUN,    /* a /dev/net/tun that user owner may open */
                MOUNT_MEMORY, /* at directory, a tmpfs for that user's memory file of that size
                                 (private_memfs_mount()) */
                MOUNT_TREE,   /* the tree as root directory; nothing can be added after that */
        } what;
        uid_t owner;
        const char *directory;
        uint64_t size;
        const MountTree *tree;
} MountWish;

/* Adds that to a mount namespace like ours. It is created once and entered with setns() any number
 * of times, which costs a fraction of creating one. Its root directory is ours, also in a chroot.
 *
 * *fd is its descriptor, or -EBADF: then one is created. -EAGAIN: that is being done by *job, which
 * keeps a copy of the wish; until it is done only its `what` is looked at, so the rest need not be
 * worked out again if ns_job_makes(job, what). -EPERM: the host does not allow us to create a
 * namespace, to mount, or to create device nodes. *fd is touched on success only. */
int mount_ns_add(NsJob *job, int *fd, const MountWish *w);
