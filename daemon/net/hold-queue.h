/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The number of the netfilter queue of the guest: one that neither another guest nor another
 * program uses. Under the xtables lock, because other umlds choose, too. */

#include "daemon/net/net.h"

/* Chooses one if the guest needs one, and tells the umlds of other guests. */
void net_queue_choose(Net *net);
void net_queue_release(Net *net);

/* Has another program taken it? No lock is needed. */
bool net_queue_lost(const Net *net);

/* Could none be chosen for a reason that may have passed? */
bool net_queue_due(const Net *net);

/* The host cannot hold connections, for now or for ever. error: why, what: what it lacks. */
void net_queue_lacking(Net *net, const char *what, int error);
/* Logs that once. Called when the rules are in place: a start that fails before that logs only its
 * fault. */
void net_queue_say(Net *net);
