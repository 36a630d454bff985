/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "conf/config.h"

typedef enum PlanForm {
        PLAN_NONE,
        PLAN_TEXT, /* of --check: for people */
        PLAN_TABS, /* of --plan: ITEM, PART and TEXT of each line, separated by tabs */
} PlanForm;

/* Prints what starting the guest would do, and changes nothing. Returns the exit code; a fault is
 * one line on standard error. */
int plan_print(Config *c, PlanForm form);
