/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What of a new configuration changes a running guest. Pure. */

#include "conf/config.h"

/* The keys that differ and wait for the guest's next start, comma-separated; *ret is the caller's
 * to free(), NULL when there are none. */
int reload_later_keys(const Config *running, const Config *next, char **ret);

/* Copies from next to running what changes at once: forwards, masquerading, uplink and supervision.
 * The old lists, of forwards and the like, stay the caller's to free: reload_free_lists() of a copy
 * of what running was. */
int reload_apply_live(Config *running, const Config *next);
void reload_free_lists(Config *c);
