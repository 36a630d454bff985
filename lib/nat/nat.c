/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nat.c - waits for a backend, for callers without an event loop. */

#include <poll.h>

#include "nat/nat.h"

void nat_wait(const Nat *nat) {
        struct pollfd p = { .fd = nat->backend->wait_fd(nat), .events = POLLIN };

        (void) poll(&p, 1, p.fd < 0 ? 1 : 100);
}
