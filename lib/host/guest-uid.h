/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <sys/types.h>

#include "basic/macro.h"

/* Users for guests: a range that neither Debian's accounts (up to 59999), nor systemd's own ranges
 * (systemd.io/UIDS-GIDS) use, and below 65536 so that it exists in containers, too. */
enum {
        GUEST_UID_FIRST = 60800,
        GUEST_UID_LAST = 61183,
};

/* The user of guest name, noted in STATE_DIR/NAME/uid: the one it has, else the lowest that no
 * other guest of STATE_DIR and no account of the host has. -EUSERS: none is left. */
int guest_uid_get(const char *state_dir, const char *name, uid_t *ret);
