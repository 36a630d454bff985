/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The legacy tables as a whole: do they exist, and what do they contain of the host's own? */

#include "nat/features.h"
#include "nat/xtables.h"

/* The error of a library call that has failed. */
int xt_error(void);

/* For a table that was refused as a whole. */
NatRefusal xt_refusal(NatFamily family, NatTable table);

/* Takes a snapshot of a table through xt_library(family), to edit it, or xt_reader(family), loading
 * its modules if necessary. -ENOPROTOOPT: the host does not have it; -EINPROGRESS: the modules are
 * being loaded, call again when xt_modules_fd() is readable, or a little later if that is negative.
 */
int xt_table_open(const XtLibrary *xt, NatFamily family, NatTable table, struct xtc_handle **ret);
int xt_modules_fd(void);

/* A table that is being looked at or edited. */
typedef struct XtTable {
        NatFamily family;
        NatTable table;
        const XtLibrary *xt;
        struct xtc_handle *handle; /* NULL = nothing to do in this table */
        bool changed;
        NatRevisions revisions;
        bool revisions_known;
} XtTable;

void xt_table_done(XtTable *t);

/* The tables that are active in this network namespace, as bits 1 << NAT_TABLE_…. Just reading a
 * table would activate it. */
unsigned xt_tables_in_use(NatFamily family);
bool xt_table_in_use(NatFamily family, NatTable table);

/* Does this host's kernel have IPv4 tables? Loads no module and activates nothing. */
bool xt_tables_there(void);

/* Is it a chain of this or another guest's, or the administrator's own for all guests? */
bool xt_is_ours(const char *chain);

/* 1 = the host has rules of its own in them, or a drop policy; 0 = it has not. */
int xt_host_has_rules(void);
