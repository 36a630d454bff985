/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Before a start with another kernel than before, umld-modules puts the modules of that kernel into
 * the image of a guest that umlctl has made. Nothing waits here. A guest without its modules runs,
 * too, so what fails is logged. */

#include <systemd/sd-event.h>

#include "daemon/host/host.h"

typedef struct ModulesUpdate ModulesUpdate;

/* May free the update. */
typedef void (*ModulesDone)(void *userdata);

/* For a host that is up. 1: it has been started, and done will be called; 0: there is nothing to
 * do, the usual case. */
int modules_update_start(sd_event *event, const Host *h, ModulesDone done, void *userdata,
                         ModulesUpdate **ret);

/* Aborts it. The image is then as after a power failure, and the next start begins again. */
ModulesUpdate *modules_update_free(ModulesUpdate *u);
DEFINE_CLEANUP(ModulesUpdate *, modules_update_free)

/* How long it may take. */
#define MODULES_UPDATE_LIMIT (120 * USEC_PER_SEC)
