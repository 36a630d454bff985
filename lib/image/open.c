/* SPDX-License-Identifier: GPL-2.0-or-later */
/* open.c - opens the file system of an image, and closes it. */

#include <fcntl.h>
#include <stdlib.h>
#include <sys/random.h>

#include "basic/hash.h"
#include "basic/undo-record.h"
#include "image/parts.h"

/* Features that the library accepts, but does not fully support. */
static const char *unsupported(const struct ext2_super_block *s) {
        struct ext2_super_block *super =
                (struct ext2_super_block *) s; /* the library's macros are not const */

        return ext2fs_has_feature_inline_data(super)   ? "inline_data"
               : ext2fs_has_feature_encrypt(super)     ? "encrypt"
               : ext2fs_has_feature_casefold(super)    ? "casefold"
               : ext2fs_has_feature_bigalloc(super)    ? "bigalloc"
               : ext2fs_has_feature_quota(super)       ? "quota"
               : ext2fs_has_feature_journal_dev(super) ? "journal_dev"
               : ext2fs_has_feature_mmp(super)         ? "mmp"
                                                       : NULL;
}

static int check_super(ImageWriter *w) {
        const struct ext2_super_block *s = w->fs->super;
        const char *feature = unsupported(s);

        if (feature)
                return image_fail(w, -EOPNOTSUPP,
                                  "its file system has the feature %s, which umld cannot write",
                                  feature);
        if ((s->s_state & EXT2_ERROR_FS) || !(s->s_state & EXT2_VALID_FS) || s->s_error_count != 0)
                return image_fail(w, -EUCLEAN, "its file system has errors; run e2fsck first");
        if (ext2fs_has_feature_journal_needs_recovery(w->fs->super))
                return image_fail(w, -EUCLEAN, "its journal has to be replayed; run e2fsck first");
        return 0;
}

static void raise_high(ImageWriter *w, blk64_t end) {
        w->high = MAX(w->high, end);
}

static void on_block(ext2_filsys fs, blk64_t block, int inuse) {
        if (inuse > 0)
                raise_high(fs->priv_data, block + 1);
}

static void on_blocks(ext2_filsys fs, blk64_t block, blk_t n, int inuse) {
        if (inuse > 0)
                raise_high(fs->priv_data, block + n);
}

/* Marked while it is being written, so that an interrupted change leads to an e2fsck. */
static int mark(ImageWriter *w, bool half) {
        if (half)
                w->fs->super->s_state |= EXT2_ERROR_FS;
        else
                w->fs->super->s_state &= (uint16_t) ~EXT2_ERROR_FS;
        ext2fs_mark_super_dirty(w->fs);
        return image_check(w, ext2fs_flush(w->fs), "cannot write the superblock");
}

/* Free inodes are zeros already, so the guest's kernel need not initialise them. */
static void inodes_are_zeros(ext2_filsys fs) {
        for (dgrp_t g = 0; g < fs->group_desc_count; g++) {
                ext2fs_bg_flags_set(fs, g, EXT2_BG_INODE_ZEROED);
                ext2fs_group_desc_csum_set(fs, g);
        }
        ext2fs_mark_super_dirty(fs);
}

static int open_fs(ImageWriter *w, int fd) {
        int own = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1); /* the library closes it */
        char number[16];
        errcode_t e;

        if (own < 0)
                return image_check(w, errno, "cannot open its file system");
        snprintf(number, sizeof(number), "%d", own);
        e = ext2fs_open(number, EXT2_FLAG_RW | EXT2_FLAG_64BITS, 0, 0, unixfd_io_manager, &w->fs);
        if (e == EXT2_ET_BAD_MAGIC || e == EXT2_ET_SHORT_READ)
                return image_fail(w, -EMEDIUMTYPE, "holds no ext2, ext3 or ext4 file system");
        if (e == EXT2_ET_UNSUPP_FEATURE || e == EXT2_ET_RO_UNSUPP_FEATURE)
                return image_fail(w, -EOPNOTSUPP,
                                  "its file system is newer than this host's e2fsprogs");
        if (e != 0)
                return image_check(w, e, "cannot open its file system");
        w->fs->priv_data = w;
        undo_io_hook(w->fs);
        /* With it the library would write the superblock word by word, and for as long as its
         * checksum does not fit, e2fsck refuses it. */
        ext2fs_free_mem(&w->fs->orig_super);
        return check_super(w);
}

static int prepare(ImageWriter *w, bool fresh) {
        ImageNode node;
        int r = image_check(w, ext2fs_read_bitmaps(w->fs), "cannot read its bitmaps");

        if (r < 0)
                return r;
        ext2fs_set_block_alloc_stats_callback(w->fs, on_block, NULL);
        ext2fs_set_block_alloc_stats_range_callback(w->fs, on_blocks, NULL);
        if (getrandom(&w->hash_basis, sizeof(w->hash_basis), GRND_NONBLOCK) < 0)
                w->hash_basis = HASH_BASIS;
        image_node_init(&node, 0);
        w->now = node.mtime;
        if (undo_record_fd() >= 0)
                w->fs->now = undo_record_time();
        else if (getenv("SOURCE_DATE_EPOCH"))
                w->fs->now = (time_t) node.mtime.tv_sec;
        w->fresh = fresh;
        w->goal = w->fs->super->s_first_data_block;
        if (fresh && ext2fs_has_group_desc_csum(w->fs))
                inodes_are_zeros(w->fs);
        r = dir_root(w, &w->root);
        return r < 0 || fresh ? r : mark(w, true);
}

ImageWriter *image_writer_free(ImageWriter *w) {
        if (!w)
                return NULL;
        dir_free(w->root);
        if (w->fs)
                ext2fs_free(w->fs);
        free(w->stage);
        free(w->why);
        free(w);
        return NULL;
}

int image_writer_open(int fd, bool fresh, ImageWriter **ret, char **ret_why) {
        _cleanup_(image_writer_freep) ImageWriter *w = calloc(1, sizeof(*w));
        int r;

        if (!w) {
                *ret_why = NULL;
                return -ENOMEM;
        }
        initialize_ext2_error_table();
        r = open_fs(w, fd);
        if (r >= 0)
                r = prepare(w, fresh);
        if (r >= 0)
                *ret = TAKE_PTR(w);
        else
                *ret_why = TAKE_PTR(w->why);
        return r;
}

int image_writer_finish(ImageWriter *own, char **ret_why) {
        _cleanup_(image_writer_freep) ImageWriter *w = own;
        int r = dir_store(w, w->root);

        if (r >= 0)
                r = mark(w, false);
        if (r >= 0)
                r = image_check(w, ext2fs_close_free(&w->fs), "cannot write the image");
        if (r < 0)
                *ret_why = TAKE_PTR(w->why);
        return r;
}
