/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The rule that sends new connections to the guest's queue, if nftables has no queues, but the
 * legacy tables have: then this rule is there, apart from the others. */

#include "daemon/net/net.h"

/* The backend has refused the rule: is it to be tried in a legacy table instead? */
bool net_hold_apart(Net *net);

/* Under the lock. Makes it, or removes it if it is not wanted any more; without it nothing waits.
 */
void net_hold_rules_make(Net *net);
/* Is it as it should be? */
bool net_hold_rules_right(Net *net);
void net_hold_rules_remove(Net *net);
