/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Retries what cannot be done now: by a timer with increasing intervals, and as soon as a
 * descriptor is readable. */

#include <systemd/sd-event.h>

#include "basic/time-util.h"
#include "daemon/base/fault.h"

typedef struct Retry Retry;

/* name is a static string: the description of the timer in the event loop. */
int retry_new(sd_event *event, const char *name, void (*again)(void *userdata), void *userdata,
              Retry **ret);
Retry *retry_free(Retry *r);
DEFINE_CLEANUP(Retry *, retry_free)

/* Schedules one call of again(). *wait was filled in by fault_wait(); its text is taken. */
void retry_later(Retry *r, Fault *wait);

/* How long it has been waiting for the current thing. */
usec_t retry_waited(const Retry *r);

/* The wait is over; the next one starts with the shortest interval. */
void retry_end(Retry *r);

/* What it is waiting for; NULL: nothing. */
const char *retry_waits_for(const Retry *r);
