/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What is known about a guest now: from its umld, else from what umld left behind. */

#include <jansson.h>

#include "basic/string-util.h"

/* What umld does not have: why it could not be asked, and the state of a guest of which that is so.
 */
#define SNAPSHOT_PROP_ERROR    "Error"
#define SNAPSHOT_STATE_UNKNOWN "unknown"

typedef struct Snapshot {
        json_t *props; /* named as on the bus (api/bus-names.h); those that nobody knows are missing
                        */
        bool live;     /* from umld itself */
        int error;     /* as of bus_connect(), where there is a umld and it could not be asked */
} Snapshot;

/* Asks all at once and waits for the slowest, at most BUS_ANSWER_LIMIT. *ret is an array of
 * names->n, in their order, to be given to snapshots_free(). */
int snapshots_take(const Strv *names, Snapshot **ret);
void snapshots_free(Snapshot *s, size_t n);

/* What the files say of a guest without a umld. */
int snapshot_offline(const char *name, json_t **ret);
