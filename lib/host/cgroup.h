/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* A cgroup (version 2) of its own for a guest, below that of the calling process: one write ends
 * everything in it (cgroup.kill, Linux 5.14). */

#include "basic/macro.h"

/* The directory that a cgroup of that name below ours would have, the caller's to free().
 * -EOPNOTSUPP: this host has no cgroup2. */
int cgroup_path(const char *name, char **ret_path);

/* Makes the cgroup; one that is there already will do. -EOPNOTSUPP: it has no cgroup.kill; -EPERM,
 * -EACCES or -EROFS: we may not make one here. */
int cgroup_create(const char *path);

/* Kills whatever is in it. Gone already is success. */
int cgroup_kill(const char *path);

/* 1 = removed, 0 = was not there. -EBUSY: something is still in it. */
int cgroup_remove(const char *path);

/* Pure: the mount point of the cgroup2 hierarchy from the text of /proc/self/mountinfo, and this
 * process' place in it from that of /proc/self/cgroup, joined. NULL where either is missing or
 * memory is out. */
char *cgroup_own_directory(const char *mountinfo, const char *cgroup);
