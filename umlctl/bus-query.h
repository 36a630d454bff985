/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The properties of many guests, requested from all of them at once. */

#include <jansson.h>
#include <sys/types.h>
#include <systemd/sd-bus.h>

#include "basic/time-util.h"

typedef struct BusQuery {
        const char *name; /* borrowed */
        json_t *props;    /* owned; NULL where error is set */
        int error;        /* as of bus_connect() and bus_get_properties() */
        pid_t pid;
        sd_bus *bus; /* while the answer is awaited */
        bool settled;
} BusQuery;

/* Waits until all have answered, at most for limit, which holds for all of them together: those
 * that do not answer keep nobody else's answer back. */
int bus_query(BusQuery *queries, size_t n, usec_t limit);
void bus_query_done(BusQuery *q);
