/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <sys/types.h>

#include "basic/child.h"

/* The uids of guests: a range that is used neither by Debian's accounts (up to 59999) nor by
 * systemd (systemd.io/UIDS-GIDS), and is below 65536 so that it exists in containers, too. */
enum {
        GUEST_UID_FIRST = 60800, /* those of helpers are below it: basic/sandbox.h */
        GUEST_UID_LAST = 61183,
};

/* The user of guest name, noted in STATE_DIR/NAME/uid: the one it has, else the lowest that no
 * other guest of STATE_DIR and no account of the host has. -EAGAIN: ask again, with the same
 * question, when the child in it has something to say, or, where there is none in it, when the lock
 * of STATE_DIR is free. -EUSERS: none is left. */
int guest_uid_get(const char *state_dir, const char *name, Child *question, uid_t *ret);
