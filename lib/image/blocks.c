/* SPDX-License-Identifier: GPL-2.0-or-later */
/* blocks.c - the blocks of files: allocated in long runs, mapped when all are known, freed
 * together.
 */

#include <stdlib.h>

#include "image/parts.h"

enum {
        EXTENT_MAX = 32768, /* blocks that one extent can map */
};

void runs_done(Runs *r) {
        free(r->v);
        *r = (Runs){};
}

static int add_run(ImageWriter *w, Runs *r, Run run) {
        Run *last = r->n > 0 ? &r->v[r->n - 1] : NULL;

        if (last && last->block + last->n == run.block && last->first + last->n == run.first &&
            last->n + run.n <= EXTENT_MAX) {
                last->n += run.n;
                return 0;
        }
        if (r->n == r->room) {
                size_t room = MAX(r->room * 2, (size_t) 8);
                Run *v = realloc(r->v, room * sizeof(*v));

                if (!v)
                        return image_fail(w, -ENOMEM, "out of memory");
                r->v = v;
                r->room = room;
        }
        r->v[r->n++] = run;
        return 0;
}

int runs_take(ImageWriter *w, Runs *runs, blk64_t first, blk64_t n, Run *ret) {
        blk64_t want = MIN(n, (blk64_t) EXTENT_MAX);
        Run run = { .first = first };
        int r;

        if (first + n > UINT32_MAX)
                return image_fail(w, -EFBIG, "is too large a file");
        r = image_check(w, ext2fs_new_range(w->fs, 0, w->goal, want, NULL, &run.block, &run.n),
                        "no blocks");
        if (r < 0)
                return r;
        run.n = MIN(run.n, want);
        ext2fs_block_alloc_stats_range(w->fs, run.block, (blk_t) run.n, +1);
        w->goal = run.block + run.n;
        *ret = run;
        return add_run(w, runs, run);
}

static errcode_t map_by_extents(ImageWriter *w, ext2_ino_t ino, struct ext2_inode *inode,
                                const Runs *runs) {
        ext2_extent_handle_t h;
        errcode_t e = ext2fs_extent_open2(w->fs, ino, inode, &h);

        for (size_t i = 0; e == 0 && i < runs->n; i++) {
                struct ext2fs_extent extent = {
                        .e_pblk = runs->v[i].block,
                        .e_lblk = runs->v[i].first,
                        .e_len = (uint32_t) runs->v[i].n,
                };

                e = ext2fs_extent_insert(h, EXT2_EXTENT_INSERT_AFTER, &extent);
                if (e == 0)
                        e = ext2fs_extent_fix_parents(h);
        }
        ext2fs_extent_free(h);
        return e;
}

/* The block map of ext2 and ext3, one block at a time. */
static errcode_t map_singly(ImageWriter *w, ext2_ino_t ino, struct ext2_inode *inode,
                            const Runs *runs) {
        errcode_t e = 0;

        for (size_t i = 0; i < runs->n; i++)
                for (blk64_t k = 0; e == 0 && k < runs->v[i].n; k++) {
                        blk64_t block = runs->v[i].block + k;

                        e = ext2fs_bmap2(w->fs, ino, inode, NULL, BMAP_SET, runs->v[i].first + k,
                                         NULL, &block);
                }
        return e;
}

int runs_map(ImageWriter *w, ext2_ino_t ino, struct ext2_inode_large *inode, const Runs *runs) {
        struct ext2_inode *small = (struct ext2_inode *) inode;
        blk64_t n = 0;
        errcode_t e;

        if (runs->n == 0)
                return 0;
        for (size_t i = 0; i < runs->n; i++)
                n += runs->v[i].n;
        e = ext2fs_iblk_add_blocks(w->fs, small, n);
        if (e == 0)
                e = (inode->i_flags & EXT4_EXTENTS_FL) ? map_by_extents(w, ino, small, runs)
                                                       : map_singly(w, ino, small, runs);
        return image_check(w, e, "cannot map the blocks of a file");
}

static int free_block(ext2_filsys fs, blk64_t *block, e2_blkcnt_t count, blk64_t from, int offset,
                      void *unused) {
        ext2fs_block_alloc_stats2(fs, *block, -1);
        return 0;
}

void blocks_begin(const ImageWriter *w, struct ext2_inode_large *inode) {
        struct ext3_extent_header *h = (struct ext3_extent_header *) inode->i_block;

        if (!ext2fs_has_feature_extents(w->fs->super))
                return;
        h->eh_magic = ext2fs_cpu_to_le16(EXT3_EXT_MAGIC);
        h->eh_max = ext2fs_cpu_to_le16((sizeof(inode->i_block) - sizeof(*h)) /
                                       sizeof(struct ext3_extent));
        inode->i_flags |= EXT4_EXTENTS_FL;
}

int blocks_free(ImageWriter *w, ext2_ino_t ino, struct ext2_inode_large *inode) {
        struct ext2_inode *small = (struct ext2_inode *) inode;
        int r;

        if (!ext2fs_inode_has_valid_blocks2(w->fs, small))
                return 0;
        /* The library goes through the inode on the disk, not the copy in memory. */
        r = image_check(
                w, ext2fs_block_iterate3(w->fs, ino, BLOCK_FLAG_READ_ONLY, NULL, free_block, NULL),
                "cannot free the blocks of a file");
        if (r < 0)
                return r;
        memset(inode->i_block, 0, sizeof(inode->i_block));
        inode->i_flags &= ~(uint32_t) EXT4_EXTENTS_FL;
        inode->i_blocks = 0;
        inode->osd2.linux2.l_i_blocks_hi = 0;
        if (ext2fs_file_acl_block(w->fs, small) != 0) /* the block of extended attributes is kept */
                r = image_check(w, ext2fs_iblk_add_blocks(w->fs, small, 1), "cannot count blocks");
        blocks_begin(w, inode);
        return r;
}

int blocks_find(ImageWriter *w, ext2_ino_t ino, struct ext2_inode_large *inode, blk64_t which,
                blk64_t *ret) {
        blk64_t block = 0;
        int flags = 0;
        int r = image_check(w,
                            ext2fs_bmap2(w->fs, ino, (struct ext2_inode *) inode, NULL, 0, which,
                                         &flags, &block),
                            "cannot find a block");

        if (r >= 0 && block == 0)
                r = image_fail(w, -EUCLEAN, "a directory has a hole");
        if (r >= 0)
                *ret = block;
        return r;
}
