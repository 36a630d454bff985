/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nat.c - for those who have nothing else to do. */

#include <poll.h>

#include "nat/nat.h"

void nat_wait(const Nat *nat) {
        struct pollfd p = { .fd = nat->backend->wait_fd(nat), .events = POLLIN };

        (void) poll(&p, 1, p.fd < 0 ? 1 : 100);
}
