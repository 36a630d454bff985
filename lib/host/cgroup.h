/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* A cgroup (version 2) for a guest, below that of the calling process: one write kills everything
 * in it (cgroup.kill, Linux 5.14). */

#include "basic/macro.h"

/* The directory of a cgroup of that name below ours; the caller frees it. -EOPNOTSUPP: this host
 * has no cgroup2. */
int cgroup_path(const char *name, char **ret_path);

/* Creates the cgroup; an existing one is used. -EOPNOTSUPP: it has no cgroup.kill; -EPERM, -EACCES
 * or -EROFS: we may not create one here. */
int cgroup_create(const char *path);

/* Kills everything in it. It is not an error if it does not exist. */
int cgroup_kill(const char *path);

/* 1 = removed, 0 = did not exist. -EBUSY: processes are still in it. */
int cgroup_remove(const char *path);

/* Pure: joins the mount point of the cgroup2 hierarchy, from the text of /proc/self/mountinfo, and
 * the place of this process in it, from that of /proc/self/cgroup. NULL if either is missing or out
 * of memory. */
char *cgroup_own_directory(const char *mountinfo, const char *cgroup);
