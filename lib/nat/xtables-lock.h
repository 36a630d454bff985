/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Takes the lock that iptables(8) takes. Returns a descriptor to close; -EAGAIN where somebody has
 * it. */
int xtables_lock(void);

/* Its file: /run/xtables.lock, or XTABLES_LOCKFILE. */
const char *xtables_lock_file(void);
