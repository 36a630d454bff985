/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Where umld's own files are: its configuration, and its runtime, state and log directory. They are
 * read and written in the event loop, which is why they have to be on local file systems: if one
 * has a server, and that is gone, every access waits for it. */

#include "basic/macro.h"

/* Looks at those of a guest, in a child, before anything else is done with them. Logs which of them
 * have a server; fails if that does not respond. */
int places_look(const char *name);

/* Those that have a server, as a sentence; NULL: none, or nobody has looked. */
const char *places_distant(void);
