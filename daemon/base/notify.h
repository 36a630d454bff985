/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Notifications to the service manager, in the protocol of sd_notify(3), which itself waits while
 * the manager does not read. Without a manager, all of these do nothing.
 *
 * What the manager does not take is kept and sent when it reads again, in order; of each kind only
 * the last one, so that a manager that stands still for long costs nothing and is then told what is
 * true by then. Only the watchdog's are dropped: they say that umld is alive at that moment. */

#include <systemd/sd-event.h>

#include "basic/time-util.h"

/* From now on what is kept is sent by the event loop, and the manager's watchdog is fed
 * (WatchdogSec=). notify_detach() ends that. */
int notify_attach(sd_event *event);
void notify_detach(void);

void notify_status(const char *text);
void notify_ready(void);
void notify_stopping(void);
void notify_reloading(void);
/* Extends the timeout of the current start or stop: it may take that long from now on. */
void notify_extend_timeout(usec_t by);
