/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Everything one umld process has: event loop, guest, bus. */

#include "basic/cleanup.h"
#include "conf/config.h"

typedef struct Manager Manager;

/* Takes ownership of config. What goes wrong is logged. -EEXIST: another umld has this guest. */
int manager_new(Config *config, Manager **ret);
Manager *manager_free(Manager *m);
DEFINE_CLEANUP(Manager *, manager_free)

/* Starts the guest and runs until it is down for good. Returns the exit code. */
int manager_run(Manager *m);
