/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Is there room on the host for what a guest may still write into its sparse images? Pure.
 *
 * A guest that runs into a full file system of the host loses what it believes to have written, and
 * is told no error (UML-measured); frozen before that it loses nothing. */

#include "basic/time-util.h"

typedef enum SpaceLevel {
        SPACE_ENOUGH,
        SPACE_LOW,  /* to be mended by somebody */
        SPACE_FULL, /* the guest must not write any more */
} SpaceLevel;

typedef struct SpaceSight {
        uint64_t total, available; /* bytes of the file system, as an ordinary user may have them */
        uint64_t growth;           /* by which the guest's images on it may still grow */
} SpaceSight;

/* The level now, with some way to go until one is left that was reached. */
SpaceLevel space_judge(SpaceLevel before, const SpaceSight *s);

/* Bytes that have to be free for a frozen guest to go on. */
uint64_t space_needed(const SpaceSight *s);

/* When to look again: before the fastest guest can have used up what is left. */
usec_t space_next_look(const SpaceSight *s);
