/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Sends a packet of somebody else's to the neighbour at the other end of an interface, past the
 * firewall, which it has passed before. Nothing here waits. */

#include "basic/cleanup.h"
#include "basic/ip-address.h"

/* A socket for that; it receives nothing. To be kept: close() waits until no CPU uses it any
 * longer, which takes 10 ms or more. -EPERM: this host does not allow it. */
int packet_sender_open(void);

/* Of TCP. Its checksum is filled in, which the device for which it was made might have done. */
int packet_send(int fd, int interface, const uint8_t mac[static 6], void *packet, size_t size);

/* Rewrites where it comes from. */
void packet_set_source(void *packet, size_t size, const IpAddress *source);
