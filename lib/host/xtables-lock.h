/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "basic/time-util.h"

/* Takes the lock that iptables(8) takes (/run/xtables.lock, or XTABLES_LOCKFILE). Returns a
 * descriptor to close; -ETIMEDOUT where somebody kept it for longer than timeout. */
int xtables_lock(usec_t timeout);
