/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Bounds the memory and descriptors that a client of the control socket can make us use. */

#include <stdbool.h>
#include <systemd/sd-bus.h>

enum {
        BUS_MESSAGE_MAX = 64 * 1024, /* bytes of a request; nothing of a longer one is received */
        BUS_REPLIES_MAX = 128,       /* that a client has not read */
};

/* Bounds what is sent to it; to be called for each connection once it has started. */
int bus_bound(sd_bus *bus);

/* Does it read so little of what it is sent that it has to be closed? */
bool bus_is_clogged(sd_bus *bus);
