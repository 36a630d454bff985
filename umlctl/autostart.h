/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Which guests are started at boot where systemd is not PID 1: those that have a link in the
 * directory "autostart" beside their configurations, which umld's boot script reads. */

#include <stdbool.h>

/* 1 = changed, 0 = it already was so. */
int autostart_set(const char *guest, bool enable);

/* Is umld's boot script installed? */
/* 1: it is enabled, 0: it is not. */
int autostart_get(const char *guest);

bool autostart_has_script(void);
