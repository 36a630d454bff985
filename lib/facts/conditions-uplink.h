/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The conditions of the uplinks, for the table in conditions.c. Of several uplinks each is judged:
 * it is a warning if one is wrong while another is not. */

#include "facts/conditions.h"

int judge_uplink(const HostFacts *f, ConditionList *list);
int judge_address(const HostFacts *f, ConditionList *list);
int judge_route(const HostFacts *f, ConditionList *list);
int judge_reverse_path(const HostFacts *f, ConditionList *list);
int judge_snat(const HostFacts *f, ConditionList *list);
int judge_uplink6(const HostFacts *f, ConditionList *list);
