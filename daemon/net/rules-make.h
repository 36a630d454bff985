/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Sets the guest's rules, for the functions of rules.h. */

#include "daemon/net/net.h"

/* The xtables lock; it is kept while a child makes the rules. */
int net_tables_lock(Net *net, Fault *f);
void net_tables_unlock(Net *net);

/* Under the lock, which also keeps the umlds of two guests from taking the same port at the same
 * time: 1 = changed, 0 = they were already so. */
int net_rules_make(Net *net, Fault *f);

/* Cancels what is in progress. How far it got is unknown until the tables are read. */
int net_rules_cancel(Net *net, Fault *f);
