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

/* 1 = *ret is the superblock, 0 = the file is too short for one. */
static int read_superblock(int fd, char ret[static EXT_SUPERBLOCK_SIZE]) {
        ssize_t n = pread(fd, ret, EXT_SUPERBLOCK_SIZE, EXT_SUPERBLOCK_AT);

        return n < 0 ? -errno : n == EXT_SUPERBLOCK_SIZE;
}

int ext_errors_recorded(int fd) {
        char superblock[EXT_SUPERBLOCK_SIZE];
        int r = read_superblock(fd, superblock);

        return r <= 0 ? r : ext_superblock_has_errors(superblock);
}

int ext_left_mounted(int fd) {
        struct ext2_super_block s;
        int r = read_superblock(fd, (char *) &s);

        if (r <= 0 || le16toh(s.s_magic) != EXT2_SUPER_MAGIC)
                return r < 0 ? r : 0;
        return !(le16toh(s.s_state) & EXT2_VALID_FS) ||
               (le32toh(s.s_feature_incompat) & EXT3_FEATURE_INCOMPAT_RECOVER);
}
