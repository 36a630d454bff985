/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <sys/types.h>

#include "basic/macro.h"

/* The uids of guests: a range that is used neither by Debian's accounts (up to 59999) nor by
 * systemd (systemd.io/UIDS-GIDS), and is below 65536 so that it exists in containers, too. */
enum {
        GUEST_UID_FIRST = 60800,
        GUEST_UID_LAST = 61183,
};

/* The uid of guest name, kept in STATE_DIR/NAME/uid: the existing one, else the lowest that no
 * other guest of STATE_DIR and no account of the host has. -EUSERS: none is left. */
int guest_uid_get(const char *state_dir, const char *name, uid_t *ret);
