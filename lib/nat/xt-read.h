/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Reads the legacy tables in the kernel's own format, which costs a fraction of what libiptc needs
 * to prepare a table for edits. */

#include "nat/xtables.h"

/* The same interface without the functions that edit, which are NULL. */
const XtLibrary *xt_reader(NatFamily family);

/* What the kernel says about tables without their rules: the size, the number of rules and where
 * the built-in chains are, as one hash for each table, 0 for those not asked for. Adding or
 * removing a rule changes it, replacing one by another of the same size does not. wanted: bits 1 <<
 * NAT_TABLE_…; the tables become active. */
int xt_shapes(NatFamily family, unsigned wanted, uint64_t ret[static NAT_TABLE_MAX]);

/* As the kernel calls it. */
const char *xt_table_name(NatTable table);
