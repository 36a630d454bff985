/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Has an ext2, ext3 or ext4 file system recorded errors? Reads two fields of its first superblock,
 * which takes microseconds, and relies on nothing else; repairing is left to e2fsprogs. */

#include <sys/types.h>

#include "basic/macro.h"

enum {
        EXT_SUPERBLOCK_AT = 1024,
        EXT_SUPERBLOCK_SIZE = 1024,
};

/* Parses a superblock; false if it is not one. */
bool ext_superblock_has_errors(const void *superblock);

/* Checks an image: 1 = it has errors, 0 = it has none, or is something else. */
int ext_errors_recorded(int fd);

/* 1 = it was not unmounted, so that its journal has to be replayed; 0 = it was, or is something
 * else. */
int ext_left_mounted(int fd);
