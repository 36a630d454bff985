/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Monitors the health of one boot of a guest (daemon/watch/heartbeat.h), without ever waiting for
 * it. */

#include "conf/config.h"
#include "daemon/boot/process.h"
#include "daemon/watch/heartbeat.h"
#include "daemon/watch/latencies.h"

typedef struct HealthWatch HealthWatch;

/* It is hung for good. May free the watch. */
typedef void (*HealthHung)(const char *why, void *userdata);

/* For a guest that has booted; c, p and latencies, where they are counted, are borrowed.
 * HangCheck=0: *ret is NULL. */
int health_watch_new(sd_event *event, GuestProcess *p, const Config *c, Latencies *latencies,
                     HealthHung hung, void *userdata, HealthWatch **ret);
HealthWatch *health_watch_free(HealthWatch *w);
DEFINE_CLEANUP(HealthWatch *, health_watch_free)

/* The current grade, HEALTH_UNKNOWN if w is NULL, and how long the last response took, 0 = there
 * was none. */
GuestHealth health_watch_grade(const HealthWatch *w);
usec_t health_watch_latency(const HealthWatch *w);
