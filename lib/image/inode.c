/* SPDX-License-Identifier: GPL-2.0-or-later */
/* inode.c - inodes: their fields, their blocks, their links. */

#include <stdlib.h>
#include <sys/stat.h>

#include "image/parts.h"

enum {
        LINKS_MAX = 65000, /* the limit of ext4 */
};

/* Size of the fields after the first 128 bytes. */
#define EXTRA_SIZE (sizeof(struct ext2_inode_large) - EXT2_GOOD_OLD_INODE_SIZE)

static bool large(const ImageWriter *w) {
        return EXT2_INODE_SIZE(w->fs->super) > EXT2_GOOD_OLD_INODE_SIZE;
}

int inode_read(ImageWriter *w, ext2_ino_t ino, struct ext2_inode_large *ret) {
        memset(ret, 0, sizeof(*ret));
        return image_check(w,
                           ext2fs_read_inode_full(
                                   w->fs, ino, (struct ext2_inode *) ret,
                                   (int) MIN(sizeof(*ret), (size_t) EXT2_INODE_SIZE(w->fs->super))),
                           "cannot read an inode");
}

int inode_write(ImageWriter *w, ext2_ino_t ino, const struct ext2_inode_large *inode) {
        struct ext2_inode_large copy = *inode; /* the library's parameter is not const */

        return image_check(w,
                           ext2fs_write_inode_full(
                                   w->fs, ino, (struct ext2_inode *) &copy,
                                   (int) MIN(sizeof(copy), (size_t) EXT2_INODE_SIZE(w->fs->super))),
                           "cannot write an inode");
}

/* Writes the whole inode, so that nothing is left of a previous file. */
static int write_new(ImageWriter *w, ext2_ino_t ino, const struct ext2_inode_large *inode) {
        size_t size = EXT2_INODE_SIZE(w->fs->super);
        _cleanup_free_ char *whole = calloc(1, size);

        if (!whole)
                return image_fail(w, -ENOMEM, "out of memory");
        memcpy(whole, inode, MIN(size, sizeof(*inode)));
        return image_check(
                w, ext2fs_write_inode_full(w->fs, ino, (struct ext2_inode *) whole, (int) size),
                "cannot write an inode");
}

uint8_t inode_file_type(mode_t mode) {
        switch (mode & S_IFMT) {
        case S_IFREG:
                return EXT2_FT_REG_FILE;
        case S_IFDIR:
                return EXT2_FT_DIR;
        case S_IFLNK:
                return EXT2_FT_SYMLINK;
        case S_IFCHR:
                return EXT2_FT_CHRDEV;
        case S_IFBLK:
                return EXT2_FT_BLKDEV;
        case S_IFIFO:
                return EXT2_FT_FIFO;
        case S_IFSOCK:
                return EXT2_FT_SOCK;
        default:
                return EXT2_FT_UNKNOWN;
        }
}

/* ---- times: 34 bits of seconds since 1901, two of them next to the nanoseconds ---- */

#define TIME_MIN (-(INT64_C(1) << 31))
#define TIME_MAX ((INT64_C(3) << 32) + INT32_MAX)

static void time_encode(bool has_extra, const struct timespec *t, uint32_t *ret,
                        uint32_t *ret_extra) {
        int64_t max = has_extra ? TIME_MAX : INT32_MAX,
                not_before = MAX((int64_t) t->tv_sec, TIME_MIN), seconds = MIN(not_before, max);
        int32_t low = (int32_t) (uint32_t) (uint64_t) seconds;

        *ret = (uint32_t) low;
        if (has_extra)
                *ret_extra = (uint32_t) (t->tv_nsec & 0x3fffffff) << 2 |
                             (uint32_t) (((seconds - low) >> 32) & 3);
}

static struct timespec time_decode(uint32_t low, uint32_t extra) {
        return (struct timespec){
                .tv_sec = (time_t) (int32_t) low + (time_t) ((uint64_t) (extra & 3) << 32),
                .tv_nsec = extra >> 2,
        };
}

/* Copies the attributes of a node to an inode, except for type and content. */
static void inode_set_node(const ImageWriter *w, struct ext2_inode_large *inode,
                           const ImageNode *node) {
        bool extra = large(w);

        inode->i_mode = (uint16_t) ((inode->i_mode & S_IFMT) | (node->mode & 07777));
        inode->i_uid = (uint16_t) node->uid;
        inode->osd2.linux2.l_i_uid_high = (uint16_t) (node->uid >> 16);
        inode->i_gid = (uint16_t) node->gid;
        inode->osd2.linux2.l_i_gid_high = (uint16_t) (node->gid >> 16);
        time_encode(extra, &node->atime, &inode->i_atime, &inode->i_atime_extra);
        time_encode(extra, &node->mtime, &inode->i_mtime, &inode->i_mtime_extra);
        time_encode(extra, &node->ctime, &inode->i_ctime, &inode->i_ctime_extra);
}

void inode_get_node(const ImageWriter *w, const struct ext2_inode_large *inode, ImageNode *ret) {
        uint32_t extra = large(w) ? UINT32_MAX : 0, device = inode->i_block[1];

        *ret = (ImageNode){
                .mode = inode->i_mode,
                .uid = inode->i_uid | (uint32_t) inode->osd2.linux2.l_i_uid_high << 16,
                .gid = inode->i_gid | (uint32_t) inode->osd2.linux2.l_i_gid_high << 16,
                .atime = time_decode(inode->i_atime, inode->i_atime_extra & extra),
                .mtime = time_decode(inode->i_mtime, inode->i_mtime_extra & extra),
                .ctime = time_decode(inode->i_ctime, inode->i_ctime_extra & extra),
        };
        if (!S_ISCHR(inode->i_mode) && !S_ISBLK(inode->i_mode))
                return;
        if (inode->i_block[0] != 0) {
                ret->major = inode->i_block[0] >> 8 & 0xff;
                ret->minor = inode->i_block[0] & 0xff;
        } else {
                ret->major = device >> 8 & 0xfff;
                ret->minor = (device & 0xff) | (device >> 12 & 0xfff00);
        }
}

int inode_change_node(ImageWriter *w, ext2_ino_t ino, const ImageNode *node) {
        struct ext2_inode_large inode;
        int r = inode_read(w, ino, &inode);

        if (r < 0)
                return r;
        inode_set_node(w, &inode, node);
        return inode_write(w, ino, &inode);
}

uint64_t inode_size(const struct ext2_inode_large *inode) {
        return EXT2_I_SIZE(inode);
}

/* Small device numbers in the format that all kernels know, larger ones in that of Linux 2.6. */
static void set_device(struct ext2_inode_large *inode, const ImageNode *node) {
        if (node->major < 256 && node->minor < 256)
                inode->i_block[0] = node->major << 8 | node->minor;
        else
                inode->i_block[1] = (node->minor & 0xff) | node->major << 8 |
                                    (node->minor & ~UINT32_C(0xff)) << 12;
}

int inode_new(ImageWriter *w, const Dir *near, const ImageNode *node, ext2_ino_t *ret_ino,
              struct ext2_inode_large *ret) {
        struct ext2_inode_large inode = { .i_mode = (uint16_t) (node->mode & S_IFMT),
                                          .i_links_count = 1 };
        ext2_ino_t ino;
        int r;

        r = image_check(w, ext2fs_new_inode(w->fs, near->ino, node->mode, NULL, &ino), "no inode");
        if (r < 0)
                return r;
        if (large(w)) {
                inode.i_extra_isize = EXTRA_SIZE;
                time_encode(true, &w->now, &inode.i_crtime, &inode.i_crtime_extra);
        }
        inode_set_node(w, &inode, node);
        if (S_ISCHR(node->mode) || S_ISBLK(node->mode))
                set_device(&inode, node);
        else if (S_ISREG(node->mode) || S_ISDIR(node->mode))
                blocks_begin(w, &inode);
        r = write_new(w, ino, &inode);
        if (r < 0)
                return r;
        ext2fs_inode_alloc_stats2(w->fs, ino, 1, S_ISDIR(node->mode));
        *ret_ino = ino;
        *ret = inode;
        return 0;
}

/* ---- links ---- */

static int free_content(ImageWriter *w, ext2_ino_t ino, struct ext2_inode_large *inode) {
        struct ext2_inode *small = (struct ext2_inode *) inode;
        int r = blocks_free(w, ino, inode);

        if (r >= 0 && ext2fs_file_acl_block(w->fs, small) != 0)
                r = image_check(w, ext2fs_free_ext_attr(w->fs, ino, inode),
                                "cannot free extended attributes");
        return r;
}

int inode_link(ImageWriter *w, ext2_ino_t ino) {
        struct ext2_inode_large inode;
        int r = inode_read(w, ino, &inode);

        if (r < 0)
                return r;
        if (inode.i_links_count >= LINKS_MAX)
                return image_fail(w, -EMLINK, "has more than %d names", LINKS_MAX);
        inode.i_links_count++;
        return inode_write(w, ino, &inode);
}

static int inode_free(ImageWriter *w, ext2_ino_t ino, struct ext2_inode_large *inode) {
        bool directory = S_ISDIR(inode->i_mode);
        int r = free_content(w, ino, inode);

        if (r < 0)
                return r;
        inode->i_links_count = 0;
        inode->i_dtime = (uint32_t) MAX((int64_t) w->now.tv_sec, INT64_C(1));
        r = inode_write(w, ino, inode);
        if (r >= 0)
                ext2fs_inode_alloc_stats2(w->fs, ino, -1, directory);
        return r;
}

int inode_unlink(ImageWriter *w, ext2_ino_t ino) {
        struct ext2_inode_large inode;
        int r = inode_read(w, ino, &inode);

        if (r < 0)
                return r;
        if (inode.i_links_count <= 1)
                return inode_free(w, ino, &inode);
        inode.i_links_count--;
        return inode_write(w, ino, &inode);
}

int inode_remove_directory(ImageWriter *w, ext2_ino_t ino) {
        struct ext2_inode_large inode;
        int r = inode_read(w, ino, &inode);

        return r < 0 ? r : inode_free(w, ino, &inode);
}
