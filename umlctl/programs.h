/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Finds the other programs of umld: next to this one in a build tree, relative to it in an
 * installation that was moved, else where they are installed. */

#include "basic/string-util.h"

typedef enum Program {
        PROGRAM_UMLD,
        PROGRAM_KEEPER,     /* umld-keeper */
        PROGRAM_IMAGE,      /* umld-image */
        PROGRAM_FETCH,      /* umld-fetch; may not have been built */
        PROGRAM_GUEST_INIT, /* umld-guest-init, which runs in guests */
        PROGRAM_RECIPES,    /* the directory of recipes */
        PROGRAM_MAX,
} Program;

/* Returns its path, which the caller frees; an environment variable overrides it (UMLD_DAEMON,
 * UMLD_KEEPER, UMLD_IMAGE, UMLD_FETCH, UMLD_GUEST_INIT,
 * UMLD_RECIPES). */
int program_find(Program which, char **ret);

/* What is to be in front of the words of a foreign program: where we are root it is run by nobody,
 * without any capability and without a way to get one. */
int push_unprivileged(Strv *argv);
