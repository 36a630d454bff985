/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Where a process is in the hierarchies of control groups: version 1 has several, each with some of
 * the controllers, version 2 has one. A host may have both. */

#include "basic/macro.h"

/* Pure: joins a mount point, from the text of /proc/self/mountinfo, and the place of this process
 * below it, from that of /proc/self/cgroup. The version if there is a hierarchy of it (of 1: with
 * that controller), with the mount point and the directory of this process, which the caller frees;
 * 0 = there is none. */
int cgroup_find(const char *controller, const char *mountinfo, const char *cgroup, int version,
                char **ret_top, char **ret_directory);

/* Version 2 has no processes in a group whose children have controllers: while groups below ours
 * have limits, our own processes are in this one below it. */
#define CGROUP_INNER "umld-itself"

/* Pure: makes the directory of this process that of the group which was its own at the start, and
 * that of ExecStopPost=, for which systemd has a group below a delegated one, that of its unit. */
void cgroup_leave_inner(char *directory);
