/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The device node of the TUN driver. The /dev of the unit umld@.service has the standard devices
 * alone; the unit shows the node here. */

#include <unistd.h>

#define TUN_NODE         "/dev/net/tun"
#define TUN_NODE_OF_UNIT "/run/umld-tun"

static inline const char *tun_node(void) {
        return access(TUN_NODE, F_OK) < 0 && access(TUN_NODE_OF_UNIT, F_OK) >= 0 ? TUN_NODE_OF_UNIT
                                                                                 : TUN_NODE;
}
