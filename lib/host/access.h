/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <sys/types.h>

#include "basic/child.h"

typedef struct AccessWish {
        const char *path;
        int mode;      /* R_OK, W_OK, X_OK */
        bool optional; /* it need not be there */
} AccessWish;

/* May user uid, without groups and privileges, access all of these files? Checked in a child
 * process with that uid, so every directory on the path counts. 0 = yes, -EACCES = no, and
 * *ret_which is the index of the first file that may not be accessed. -EAGAIN: there is no answer
 * yet; ask the same again, with the same child, when its output is readable. -ETIMEDOUT: there will
 * be none, for a file system does not respond. */
int access_as_user(Child *question, uid_t uid, const AccessWish *wishes, size_t n,
                   size_t *ret_which);
