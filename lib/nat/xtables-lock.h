/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <sys/types.h>

#include "basic/time-util.h"

/* Takes the lock that iptables(8) takes (/run/xtables.lock, or XTABLES_LOCKFILE). Returns a
 * descriptor to close; -ETIMEDOUT if it was held by somebody else for longer than timeout. */
int xtables_lock(usec_t timeout);

/* Who holds it at the moment: 1 = that process, 0 = nobody, or a process that is not visible from
 * here. */
int xtables_lock_holder(pid_t *ret_pid, char ret_comm[static 16]);
