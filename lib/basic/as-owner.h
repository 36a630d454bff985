/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Calls that need CAP_KILL, CAP_SYS_NICE or CAP_SYS_PTRACE for a process of another user, but
 * nothing for one of the same: made as that user, by a thread that is root otherwise. The unit
 * umld@.service leaves umld without these capabilities. */

#include <sys/types.h>

#include "basic/macro.h"

/* Calls fn as the user that the process runs as: with that effective user, and without effective
 * capabilities. Returns what fn returns; -ESRCH: no such process. pid < 0: that of the leader of
 * the process group -pid. The user may not be changed meanwhile by signals' handlers, as umld has
 * none. */
int as_owner(pid_t pid, int (*fn)(pid_t pid, const void *userdata), const void *userdata);

/* kill(2) for a process, or a process group if negative, of whatever user. Negative errno. */
int process_signal(pid_t pid, int sig);
