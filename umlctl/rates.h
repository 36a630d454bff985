/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* How much a guest does in a second, from what was counted at two times. */

#include "basic/time-util.h"
#include "umlctl/snapshot.h"

/* Added to the properties of a guest if both times are comparable. */
#define RATE_PROP_CPU      "RateCpu"  /* microseconds of CPU time per second */
#define RATE_PROP_SENT     "RateSent" /* bytes per second */
#define RATE_PROP_RECEIVED "RateReceived"

/* Adds the rates between an earlier snapshot of the same guest and this one. CPU time is that of
 * one kernel: there is none if the kernel is another one now. */
int rates_add(json_t *props, const json_t *before, usec_t elapsed);

/* The properties of the guest of that name; NULL: it was not there. */
const json_t *rates_find(const Snapshot *s, size_t n, const char *name);
