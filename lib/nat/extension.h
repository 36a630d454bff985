/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The matches and the target of a rule, as stored in the legacy tables after the head of an entry:
 * each has a header with its name, revision and size. */

#include "nat/features.h"
#include "nat/plan.h"

typedef struct NatWriter {
        unsigned char *bytes;
        size_t size, at;
} NatWriter;

void nat_put_matches(NatWriter *w, const NatRule *rule, const NatRevisions *revisions);
void nat_put_target(NatWriter *w, const NatRule *rule, const NatRevisions *revisions);

/* Parses them into a rule whose family and protocol are set. false: a NatRule cannot express this.
 * name is libiptc's name of the target. */
bool nat_get_matches(const unsigned char *data, size_t size, NatRule *rule);
bool nat_get_target(const unsigned char *data, size_t size, const char *name, NatRule *rule);
