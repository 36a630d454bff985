/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Who is at the other end of a Unix socket, as the kernel says. */

#include <sys/socket.h>
#include <sys/types.h>

#include "basic/macro.h"

/* Who made the connection; pid 0 and uid -1 if that is not known. */
struct ucred peer_of(int fd);

/* Receives one message without waiting for it, and its sender, on a socket with SO_PASSCRED.
 * Returns its size; -EAGAIN: there is none. A sender that is not known has pid 0 and uid -1. */
ssize_t receive_from_peer(int fd, void *buf, size_t size, struct ucred *ret_sender);
