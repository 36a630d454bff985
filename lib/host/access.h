/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <sys/types.h>

#include "basic/macro.h"

typedef struct AccessWish {
        const char *path;
        int mode; /* R_OK, W_OK, X_OK */
} AccessWish;

/* May user uid, without groups and privileges, do all that is wished? Asked in a child process that
 * is this user, so every directory on the way counts. 0 = yes, -EACCES = no, and *ret_which is the
 * index of the first wish that is refused. */
int access_as_user(uid_t uid, const AccessWish *wishes, size_t n, size_t *ret_which);
