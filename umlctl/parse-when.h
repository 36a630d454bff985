/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "basic/time-util.h"

/* Parses a point in time: "10min" (ago), "@1795291820" (seconds since 1970), "today", "yesterday",
 * "18:30[:05]" (today), "2026-11-21", "2026-11-21 18:30[:05]". The last form may also have a T in
 * the middle, and then a Z at the end for UTC; all others are local time. -EINVAL: none of these.
 */
int parse_when(const char *s, usec_t now, usec_t *ret);
