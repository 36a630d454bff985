/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Where umld's own files are: its configuration, and its runtime, state and log directory. They are
 * read and written in the event loop, which is why they have to be on local file systems: on
 * a network file system or FUSE every access waits for the server. */

#include <stdbool.h>

#include "basic/macro.h"

/* Looks at those of a guest, in a child, before anything else is done with them. Logs which of them
 * are on such a file system; fails if one does not respond for 10 s or, for a guest that runs and
 * is to be taken over, waits until it does. */
int places_look(const char *name, bool runs);

/* Those that are, as a sentence; NULL: none, or nobody has looked. */
const char *places_distant(void);
