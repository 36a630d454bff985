/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The current state of a guest: from its umld, else from the files that umld left behind. */

#include <jansson.h>

#include "basic/string-util.h"

/* Added by umlctl: why umld could not be queried, and the state of a guest for which that is so. */
#define SNAPSHOT_PROP_ERROR    "Error"
#define SNAPSHOT_STATE_UNKNOWN "unknown"

/* Is the guest started at boot? Only where status or list has asked for it; a boolean. */
#define SNAPSHOT_PROP_ENABLED "Enabled"

/* The state of a guest that runs, but whose umld has died. */
#define SNAPSHOT_STATE_ORPHAN "orphan"

typedef struct Snapshot {
        json_t *props; /* named as on the bus (api/bus-names.h); unknown ones are missing */
        bool live;     /* from umld itself */
        int error;     /* as from bus_connect(), if umld is running but could not be queried */
} Snapshot;

/* Queries all guests at once and waits for the slowest, at most BUS_ANSWER_LIMIT. *ret is an array
 * of names->n in the same order, to be freed by snapshots_free(). only: names of the properties
 * that are wanted; NULL: all. */
int snapshots_take(const Strv *names, const Strv *only, Snapshot **ret);
void snapshots_free(Snapshot *s, size_t n);
