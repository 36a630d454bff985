/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Tells of the end of umld-init, with which everything of a guest has ended; also if it is the
 * child of an umld that has died. */

#include <systemd/sd-event.h>

#include "basic/cleanup.h"
#include "host/launch.h"

typedef struct InitEnd InitEnd;

/* `ended` is called once; it may free this. */
int init_end_new(sd_event *event, const Launched *launched, void (*ended)(void *userdata),
                 void *userdata, InitEnd **ret);
InitEnd *init_end_free(InitEnd *e);
DEFINE_CLEANUP(InitEnd *, init_end_free)
