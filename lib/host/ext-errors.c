/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ext-errors.c - checks whether a file system has recorded errors. */

#include <endian.h>
#include <ext2fs/ext2_fs.h>
#include <unistd.h>

#include "host/ext-errors.h"

static_assert(sizeof(struct ext2_super_block) == EXT_SUPERBLOCK_SIZE, "the superblock's size");

bool ext_superblock_has_errors(const void *superblock) {
        struct ext2_super_block s;

        memcpy(&s, superblock, sizeof(s));
        return le16toh(s.s_magic) == EXT2_SUPER_MAGIC &&
               ((le16toh(s.s_state) & EXT2_ERROR_FS) || s.s_error_count != 0);
}

int ext_errors_recorded(int fd) {
        char superblock[EXT_SUPERBLOCK_SIZE];
        ssize_t n = pread(fd, superblock, sizeof(superblock), EXT_SUPERBLOCK_AT);

        if (n < 0)
                return -errno;
        return n == (ssize_t) sizeof(superblock) && ext_superblock_has_errors(superblock);
}
