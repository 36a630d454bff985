/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Making the guest's rules, for the functions of rules.h. */

#include "daemon/net/net.h"

/* The xtables lock; it is kept while a child makes the rules. */
int net_tables_lock(Net *net, Fault *f);
void net_tables_unlock(Net *net);

/* Under the lock, which also keeps the umlds of two guests from taking the same port at the same
 * time: 1 = changed, 0 = they were already so. */
int net_rules_make(Net *net, Fault *f);

/* Ends what is under way. Nobody knows how far it came; what is there is told by a look. */
int net_rules_cancel(Net *net, Fault *f);
