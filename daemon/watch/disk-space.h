/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Does the host have enough free space for what a guest may still write to its sparse images? Pure.
 *
 * A guest that fills up a file system of the host loses data that it believes to have written,
 * without seeing an error (UML-measured); if it is frozen before that it loses nothing. */

#include "basic/time-util.h"

typedef enum SpaceLevel {
        SPACE_ENOUGH,
        SPACE_LOW,  /* an administrator must make space */
        SPACE_FULL, /* the guest must no longer write */
} SpaceLevel;

typedef struct SpaceSight {
        uint64_t total, available; /* bytes of the file system that an ordinary user can use */
        uint64_t growth;           /* by which the guest's images on it may still grow */
} SpaceSight;

/* The current level, with hysteresis before a level that was reached is left. */
SpaceLevel space_judge(SpaceLevel before, const SpaceSight *s);

/* Bytes that must be free before a frozen guest continues. */
uint64_t space_needed(const SpaceSight *s);

/* When to check again: before the fastest guest can have used up what is left. */
usec_t space_next_look(const SpaceSight *s);
