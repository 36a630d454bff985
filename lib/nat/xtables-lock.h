/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>

/* Takes the lock that iptables(8) takes. Returns a descriptor to close; -EAGAIN where somebody has
 * it. */
int xtables_lock(void);

/* Has anybody let go of the lock since the last call, and so perhaps changed a legacy table? The
 * kernel tells of no such change, nor do the sizes of a table of a policy's. *fd belongs to the
 * watch: -EBADF at first, closed by its owner. What changes the tables without the lock is missed.
 */
bool xtables_lock_released(int *fd);

/* Its file: /run/xtables.lock, or XTABLES_LOCKFILE. */
const char *xtables_lock_file(void);
