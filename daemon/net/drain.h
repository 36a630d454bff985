/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Looks whether clients still have TCP connections to the guest, which a planned restart lets
 * finish. */

#include <systemd/sd-event.h>

#include "basic/cleanup.h"
#include "conf/config.h"

typedef struct Drain Drain;

/* done is called once, when there are none; it may free the drain. If the host does not show its
 * connections it is never called. c is borrowed for this call only. */
int drain_new(sd_event *event, const Config *c, void (*done)(void *userdata), void *userdata,
              Drain **ret);
Drain *drain_free(Drain *d);
DEFINE_CLEANUP(Drain *, drain_free)

/* How many there were at the last look. */
unsigned drain_left(const Drain *d);
