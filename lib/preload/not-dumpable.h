/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Other processes of the kernel's user, which it should not have, cannot read its memory. An exec
 * makes a process dumpable, so nobody but the kernel's own process can do this. */

#include <stdlib.h>
#include <sys/prctl.h>

#include "host/init-protocol.h"

__attribute__((constructor)) static void become_not_dumpable(void) {
        if (!getenv(GUEST_DUMPABLE))
                (void) prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}
