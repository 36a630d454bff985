/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Whose rules are in a chain? By the names that ufw, firewalld and Docker give theirs. Pure. */

#include "nat/obstacle.h"

Firewall firewall_guess(const char *table, const char *chain);
/* Of two that have chains in one table: whose commands hold for all of it. */
Firewall firewall_better(Firewall a, Firewall b);
