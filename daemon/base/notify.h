/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Every sentence said to the service manager (sd_notify(3)). Without one, all are no-ops. */

#include "basic/time-util.h"

void notify_status(const char *text);
void notify_ready(void);
void notify_stopping(void);
void notify_reloading(void);
/* The start or stop under way may take that much longer from now on. */
void notify_extend_timeout(usec_t by);
