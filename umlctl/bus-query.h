/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The properties of many guests, requested from all of them at once. */

#include <jansson.h>
#include <sys/types.h>
#include <systemd/sd-bus.h>

#include "basic/string-util.h"
#include "basic/time-util.h"

typedef struct BusQuery {
        const char *name; /* borrowed */
        json_t *props;    /* owned; NULL where error is set */
        int error;        /* as from bus_connect() and bus_get_properties() */
        pid_t pid;
        /* Makes the request, whose reply is a dictionary; NULL: bus_new_get_all() */
        int (*request)(sd_bus *bus, sd_bus_message **ret);
        const Strv *only; /* borrowed: names of the properties that are wanted; NULL: all */
        sd_bus *bus;      /* while the query is pending */
        bool settled;
        bool again; /* it has been asked a second time */
} BusQuery;

/* Waits until all have replied, at most for limit, which applies to all of them together: one that
 * does not reply does not delay the replies of others. */
int bus_query(BusQuery *queries, size_t n, usec_t limit);
void bus_query_done(BusQuery *q);
