/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <sys/types.h>

#include "basic/macro.h"

/* The command name of a process as in /proc/PID/comm, or "?" where it is gone. */
const char *process_comm(pid_t pid, char buf[static 16]);

/* What it does, as in /proc/PID/stat (R, S, D, T …), and the processor time it has used so far
 * together with children it has waited for, in ticks. -ESRCH: it is gone. */
int process_activity(pid_t pid, char *ret_state, uint64_t *ret_cpu);

/* Calls fn for every process of which this one is the parent, by one pass over /proc. Returns how
 * many. */
int process_foreach_child(void (*fn)(pid_t pid, void *userdata), void *userdata);

/* All processes below root, with their number; *ret is the caller's to free(). Who is started
 * meanwhile may be missing. */
int process_descendants(pid_t root, pid_t **ret);

/* Kills and reaps every child, and, if this process is a child subreaper, thereby every descendant:
 * again and again until the kernel says that none is left, since a process cloned a moment ago
 * escapes one pass. Returns 0, or -ETIMEDOUT where somebody did not die within timeout
 * microseconds. */
int process_kill_children(uint64_t timeout);

/* Kills every process of that user in our network namespace, where a guest's are for the sake of
 * its tap, again and again until none is left. -ETIMEDOUT as above. Never to be called with a user
 * that others may have: 0 is refused with -EINVAL. */
int process_kill_user(uid_t uid, uint64_t timeout);
