/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The attributes of a file in an image, apart from its name and content. */

#include <sys/types.h>
#include <time.h>

#include "basic/macro.h"

typedef struct ImageNode {
        mode_t mode; /* type and permissions */
        uint32_t uid, gid;
        struct timespec atime, mtime, ctime;
        uint32_t major, minor; /* device number */
} ImageNode;

/* A file of root with all times set to now, or to SOURCE_DATE_EPOCH. */
void image_node_init(ImageNode *n, mode_t mode);
