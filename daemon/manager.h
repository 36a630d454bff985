/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Everything an umld process consists of: event loop, guest, bus. */

#include "basic/cleanup.h"
#include "conf/config.h"

typedef struct Manager Manager;

/* Takes ownership of config; NULL: its file is not valid, and only a guest that runs already, and
 * is to be adopted, can do without (-ENODATA: there is none). Errors are logged. -EEXIST: another
 * umld manages this guest. argv: of the program, borrowed. */
int manager_new(const char *name, char *const *argv, Config *config, Manager **ret);
Manager *manager_free(Manager *m);
DEFINE_CLEANUP(Manager *, manager_free)

/* Starts the guest, or adopts it, and runs until it is down for good. Returns the exit code. */
int manager_run(Manager *m);
/* The same, but a guest that is adopted is only shut down, or killed, and none is started. */
int manager_run_to_stop(Manager *m, bool kill);
