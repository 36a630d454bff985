/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* A guest's chains in one legacy table: are they as planned? If not, edits them, in the snapshot
 * that is later committed. */

#include "nat/plan.h"
#include "nat/xt-tables.h"

/* Is it expected that the table cannot be read? A host may hide all IPv6 tables. */
bool xt_may_be_missing(const XtTable *t, int error);

/* Parses a rule. false: a NatRule cannot express it. */
bool xt_decode(const XtTable *t, const void *entry, NatRule *ret);

/* Is the chain planned for this table? */
bool xt_chain_is_of(const NatChain *c, const XtTable *t);
/* Do one of the chains and its jump match the plan? */
bool xt_chain_right(const XtTable *t, const NatChains *chains, const NatChain *c);
/* Makes them match it: 1 = changed, 0 = was already as planned. To be called for all chains, in
 * their order. */
int xt_chain_sync(XtTable *t, const NatChains *chains, const NatChain *chain);
