/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What cannot be done now is tried again: by a timer with growing pauses, and as soon as a
 * descriptor says that it is worth it. */

#include <systemd/sd-event.h>

#include "basic/time-util.h"
#include "daemon/base/fault.h"

typedef struct Retry Retry;

/* name (static) is for the event loop's debugging. */
int retry_new(sd_event *event, const char *name, void (*again)(void *userdata), void *userdata,
              Retry **ret);
Retry *retry_free(Retry *r);
DEFINE_CLEANUP(Retry *, retry_free)

/* Calls again() later, once. *wait is what fault_wait() filled in, whose text is taken over. */
void retry_later(Retry *r, Fault *wait);

/* How long it has waited for that by now. */
usec_t retry_waited(const Retry *r);

/* It waits for that no more, or for something else from now on. */
void retry_end(Retry *r);

/* What it waits for; NULL: for nothing. */
const char *retry_waits_for(const Retry *r);
