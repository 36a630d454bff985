/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What umld is told on its command line. */

#include <stdbool.h>

#include "daemon/plan.h"

typedef enum Order {
        ORDER_RUN,
        ORDER_PLAN,      /* --check, --plan */
        ORDER_EXAMINE,   /* --doctor, --measure, --repair= */
        ORDER_STOP,      /* --stop */
        ORDER_KILL,      /* --kill */
        ORDER_ENDED,     /* --ended, by the unit */
        ORDER_CAN_ADOPT, /* --can-adopt, by an umld that is about to be replaced */
} Order;

typedef struct Invocation {
        Order order;
        const char *guest; /* NULL: none was given */
        PlanForm plan;
        bool measure;
        const char *repair;
} Invocation;

/* -1 = *ret is what to do, else the exit code: a help text or an error message was printed. */
int options_parse(int argc, char **argv, Invocation *ret);
