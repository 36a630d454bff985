/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* How many bytes have passed a network interface. */

#include <stdint.h>

#include "basic/macro.h"

typedef struct LinkCounters {
        uint64_t received, sent; /* by the host */
} LinkCounters;

/* Reads them of an interface of our network namespace, from the text of /proc/net/dev. -ENODEV: no
 * such interface. */
int link_counters_read(const char *ifname, LinkCounters *ret);

/* Pure: the same from that text. */
int link_counters_parse(const char *text, const char *ifname, LinkCounters *ret);
