/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Finds the other programs of umld: next to this one in a build tree, relative to it in an
 * installation that was moved, else where they are installed. */

#include "basic/macro.h"

typedef enum Program {
        PROGRAM_UMLD,
        PROGRAM_IMAGE, /* umld-image */
        PROGRAM_FETCH, /* umld-fetch; may not have been built */
        PROGRAM_MAX,
} Program;

/* Returns its path, which the caller frees; an environment variable overrides it (UMLD_DAEMON,
 * UMLD_IMAGE, UMLD_FETCH). */
int program_find(Program which, char **ret);
