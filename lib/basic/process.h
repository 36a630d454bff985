/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <sys/types.h>

#include "basic/macro.h"

/* The directory of the program that we are; the caller frees *ret. */
int program_directory(char **ret);

/* The path of the program that we are, even if another file has replaced it; the caller frees *ret.
 */
int program_path(char **ret);

/* Opens the program that we are, even if its file was removed, for fexecve(3). */
int program_open(void);

/* The command name of a process from /proc/PID/comm, or "?" if it is gone. */
const char *process_comm(pid_t pid, char buf[static 16]);

/* May we not see what it has open, or its namespaces? That of another user, or with capabilities
 * that we do not have, is hidden from who has no CAP_SYS_PTRACE. */
bool process_is_hidden(pid_t pid);

/* The state of a process as in /proc/PID/stat (R, S, D, T …), and the CPU time used so far by it
 * and by children that it has waited for, in ticks. -ESRCH: no such process. */
int process_activity(pid_t pid, char *ret_state, uint64_t *ret_cpu);

/* When it was started, in ticks since the boot of the host: with its pid that is one process only.
 * -ESRCH: no such process, or one that has ended and is not reaped yet. */
int process_start_time(pid_t pid, uint64_t *ret);

/* The parent of a process. -ESRCH: no such process. */
pid_t process_parent(pid_t pid);

/* Is it a child of ours, even one that has ended and is not reaped yet? */
bool process_is_child(pid_t pid);

/* Calls fn for every child of this process. Returns how many. */
int process_foreach_child(void (*fn)(pid_t pid, void *userdata), void *userdata);

/* Lists all descendants of root; the caller frees *ret. Processes started meanwhile may be missing.
 */
int process_descendants(pid_t root, pid_t **ret);

/* The same where the kernel does not list the children of a process (before 4.2, or without
 * CONFIG_PROC_CHILDREN): in one pass over all processes of the host. */
int process_descendants_by_scan(pid_t root, pid_t **ret);

/* Kills and reaps every child and, if this process is a child subreaper, thereby every descendant:
 * repeated until the kernel says that none is left, because a process cloned a moment ago escapes
 * one pass. Returns 0, or -ETIMEDOUT if one did not die within timeout microseconds. */
int process_kill_children(uint64_t timeout);

/* One pass without waiting: kills and reaps every child that is not a Child (child.h), which for a
 * child subreaper are the orphans of others. Returns how many there were: repeat until there is
 * none. */
int process_kill_orphans(void);

/* One pass without waiting: kills every process of that user in our network namespace, where a
 * guest has to run because of its tap. Returns how many there were: repeat until there is none,
 * because a killed process takes a moment to exit, and one cloned a moment ago escapes a pass. Must
 * never be called with a uid that others may have: 0 is rejected with -EINVAL. */
int process_kill_user(uid_t uid);

/* Is a program of that name in PATH, which those of other packages are? */
bool program_installed(const char *name);
