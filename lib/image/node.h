/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What a file in an image is, beside its name and its content. */

#include <sys/types.h>
#include <time.h>

#include "basic/macro.h"

typedef struct ImageNode {
        mode_t mode; /* type and permissions */
        uint32_t uid, gid;
        struct timespec atime, mtime, ctime;
        uint32_t major, minor; /* of a device */
} ImageNode;

/* Root's, with all its times now, or at SOURCE_DATE_EPOCH where that is set. */
void image_node_init(ImageNode *n, mode_t mode);
