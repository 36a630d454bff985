/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Bans: rules of the administrator's, or of programs such as fail2ban, that drop packets from some
 * sources and let all others go on. A jump to a chain that accepts has to stand behind them, or
 * whoever is banned gets in; but before the rules that drop everything else, or nobody does. */

#include "nat/xt-tables.h"

/* The position in that built-in chain of a table that is being edited, behind its bans, as far as
 * no rule that drops more than bans precedes them; 0 = there are none. */
unsigned xt_behind_bans(const XtTable *t, const char *hook);
