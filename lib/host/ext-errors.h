/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Has an ext2, ext3 or ext4 file system noted errors of its own? A look at two fields of its first
 * superblock, which costs microseconds and believes nothing else; what they mean for the rest is
 * e2fsprogs' to say. */

#include <sys/types.h>

#include "basic/macro.h"

enum {
        EXT_SUPERBLOCK_AT = 1024,
        EXT_SUPERBLOCK_SIZE = 1024,
};

/* Of the bytes of a superblock; false for what is none. */
bool ext_superblock_has_errors(const void *superblock);

/* Of an image: 1 = it has, 0 = it has not, or is something else. */
int ext_errors_recorded(int fd);
