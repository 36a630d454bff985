/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "basic/time-util.h"

/* A point in time as people write it: "10min" (before now), "@1795291820" (seconds since 1970),
 * "today", "yesterday", "18:30[:05]" (today), "2026-11-21", "2026-11-21 18:30[:05]", the latter
 * also with T and with Z at its end for UTC; else it is local time. -EINVAL: it is none of them. */
int parse_when(const char *s, usec_t now, usec_t *ret);
