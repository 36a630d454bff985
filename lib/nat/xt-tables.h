/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The legacy tables as a whole: are they there, and what of the host's own is in them? */

#include "nat/xtables.h"

/* What a call of the library that has failed means. */
int xt_error(void);

/* Takes a snapshot of a table, whose modules are loaded for that. -ENOPROTOOPT: the host has none.
 */
int xt_table_open(NatFamily family, NatTable table, struct xtc_handle **ret);

/* Is the table in use in this network namespace? A mere look by the library would make it so. */
bool xt_table_in_use(NatFamily family, NatTable table);

/* Has this host's kernel tables of IPv4? Loads nothing and brings nothing into use. */
bool xt_tables_there(void);

/* 1 = the host has rules of its own in them, or a policy that drops; 0 = it has not. */
int xt_host_has_rules(void);

/* Does the chain FORWARD of IPv4 drop what it does not accept, with no rule that names that tap?
 * 1 = so it is, 0 = it does not, or is not in use. */
int xt_forward_drops(const char *tap);
