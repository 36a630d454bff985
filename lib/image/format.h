/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Makes, checks and grows ext4 file systems with the programs of e2fsprogs. Their features are
 * those that kernels from 4.4 on can mount. fd is a regular file, open for reading and writing,
 * that the program may open again. */

#include "basic/macro.h"

typedef struct ImageFormat {
        uint64_t size;     /* bytes of the image */
        const char *label; /* at most 16 bytes; NULL: none */
} ImageFormat;

/* The previous content of fd is lost. On failure *ret_why is one line, which the caller frees, or
 * NULL. */
int image_format(int fd, const ImageFormat *f, char **ret_why);

/* Replays the journal and repairs what can be repaired without losing anything. 1 = something was
 * repaired, -EUCLEAN: errors are left. *ret_output is what e2fsck said, which the caller frees. */
int image_repair(int fd, char **ret_output);

/* Grows the file and the file system, which must have been checked, to size bytes. */
int image_grow(int fd, uint64_t size, char **ret_why);
