/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What e2fsprogs does for an image: it makes an ext4 file system, with features that kernels from
 * 4.4 on mount, checks and grows it. fd is a regular file, open for reading and writing, that the
 * program may open again. */

#include "basic/macro.h"

typedef struct ImageFormat {
        uint64_t size;     /* bytes of the image */
        const char *label; /* at most 16 bytes; NULL: none */
} ImageFormat;

/* What was in fd is gone. On failure *ret_why is one line, which the caller frees, or NULL. */
int image_format(int fd, const ImageFormat *f, char **ret_why);

/* Replays the journal and repairs what can be repaired without losing anything. 1 = something was
 * repaired, -EUCLEAN: there is more. *ret_output is what e2fsck said, which the caller frees. */
int image_repair(int fd, char **ret_output);

/* Grows the file and the file system, which must have been checked, to size bytes. */
int image_grow(int fd, uint64_t size, char **ret_why);
