/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What a running guest has used of the host, read from the host's kernel. */

#include <jansson.h>

/* Added by umlctl to the properties of a guest, as far as they can be read. */
#define USAGE_PROP_CPU      "UsageCpu"      /* microseconds of CPU time of all its processes */
#define USAGE_PROP_SENT     "UsageSent"     /* bytes that came out of the guest on its tap */
#define USAGE_PROP_RECEIVED "UsageReceived" /* and those that went in */

/* Adds them to what the guest's umld has reported. */
int usage_add(json_t *props);
