/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Notifications to the service manager (sd_notify(3)). Without one, all of these do nothing. */

#include "basic/time-util.h"

void notify_status(const char *text);
void notify_ready(void);
void notify_stopping(void);
void notify_reloading(void);
/* Extends the timeout of the current start or stop: it may take that long from now on. */
void notify_extend_timeout(usec_t by);
