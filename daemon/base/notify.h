/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Notifications to the service manager, in the protocol of sd_notify(3). That function itself would
 * block while the manager does not read. Without a manager, all of these do nothing.
 *
 * What the manager does not accept is queued and sent in order when it reads again. Of each kind
 * only the last one is kept, so a manager that hangs for long costs nothing and is then told the
 * current state. Keep-alive messages for the watchdog are not queued but dropped, because they say
 * that umld is alive at that moment. */

#include <systemd/sd-event.h>

#include "basic/time-util.h"

/* From now on the event loop sends what is queued, and keep-alive messages for the manager's
 * watchdog (WatchdogSec=), until notify_detach(). */
int notify_attach(sd_event *event);
void notify_detach(void);

void notify_status(const char *text);
void notify_ready(void);
void notify_stopping(void);
void notify_reloading(void);
/* Extends the timeout of the current start or stop: it may take that long from now on. */
void notify_extend_timeout(usec_t by);
