/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Reloads of the configuration, ordered by a client of the bus or by a signal: one at a time. A
 * client that comes during one is refused; a signal is carried out after it, because the file may
 * have changed since it was read. */

#include "daemon/bus/guest-bus.h"
#include "daemon/guest/guest.h"

typedef struct Reloads Reloads;

/* g is borrowed. */
int reloads_new(sd_event *event, Guest *g, Reloads **ret);
/* To be called before the guest is freed, which ends a reload that is in progress: none follows it.
 * NULL is allowed. */
void reloads_close(Reloads *x);
Reloads *reloads_free(Reloads *x);
DEFINE_CLEANUP(Reloads *, reloads_free)

/* As BusReload says. */
void reloads_order(Reloads *x, usec_t confirm, BusReloaded done, void *userdata);

/* SIGHUP has come. 0 or a negative errno, as its handler has to return. */
int reloads_signal(Reloads *x);
