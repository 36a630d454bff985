/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Makes an empty ext4 file system by mke2fs, with features that kernels from 4.4 on mount. */

#include "basic/macro.h"

typedef struct ImageFormat {
        uint64_t size;     /* bytes of the image */
        const char *label; /* at most 16 bytes */
} ImageFormat;

/* In fd, a regular file that is open for writing; what was in it is gone. On failure *ret_why is
 * one line, the caller's to free(). */
int image_format(int fd, const ImageFormat *f, char **ret_why);
