/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What a control group may use of the host: memory and CPU time, by version 1, where each of the
 * two is a hierarchy with a group of its own, or version 2, where both are set in the same group.
 */

#include <stdbool.h>

#include "basic/macro.h"

typedef enum CgroupResource {
        CGROUP_MEMORY,
        CGROUP_CPU,
        CGROUP_RESOURCES,
} CgroupResource;

typedef struct CgroupLimits {
        uint64_t memory;     /* bytes; as much again of swap */
        unsigned cpu_weight; /* 1 to 10000, 100 = as others; 0 = not set */
        unsigned cpu_quota;  /* per cent of one CPU; 0 = not limited */
} CgroupLimits;

/* A group below that of the calling process. */
typedef struct CgroupPlace {
        char *path;
        bool unified; /* version 2: the kernel starts its processes there, and it is the only one */
} CgroupPlace;

void cgroup_place_done(CgroupPlace *p);

/* Where a group of that name with limits of this resource can be. With version 2 the controller is
 * enabled for groups below ours, for which all processes in ours move to one below it, if they are
 * this one and its children. -EOPNOTSUPP: the host has no such controller, or does not let us have
 * it; -EBUSY: others are in our group. */
int cgroup_limit_place(CgroupResource resource, const char *name, CgroupPlace *ret);

/* Makes the group, if it does not exist, and sets its limits. What it made is removed again if it
 * fails. */
int cgroup_limit_set(CgroupResource resource, const CgroupPlace *place, const CgroupLimits *limits);

/* The same for a group of version 2 that has lost them, because cgroup_return() was forced while
 * it was there; 0: it has them. */
int cgroup_limit_again(CgroupResource resource, const char *path, const CgroupLimits *limits);

/* Moves this process, of a single thread, there; async-signal-safe. With version 1 the thread is
 * moved: to move a process the kernel waits until all processors have noticed, 15 ms. */
int cgroup_enter(int directory_fd);

/* Moves this process and its children back to its own group (undoes what cgroup_limit_place() did),
 * so that processes can be started there again. Other groups below it lose their limits with that:
 * as long as there are any, it is left to the last of their umlds, unless it is forced. */
void cgroup_return(bool force);
