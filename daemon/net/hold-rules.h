/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The rule that sends new connections to the guest's queue, where the backend has no queues, but
 * the legacy tables have: it is there then, apart from the others. */

#include "daemon/net/net.h"

/* Shall it be there instead? For a backend that refused it. */
bool net_hold_apart(Net *net);

/* Under the lock. Makes it, or removes it if it is not wanted any more; without it nothing waits.
 */
void net_hold_rules_make(Net *net);
/* Is it as it should be? */
bool net_hold_rules_right(Net *net);
void net_hold_rules_remove(Net *net);
