/* SPDX-License-Identifier: GPL-2.0-or-later */
/* file.c - the content of a regular file: buffered, given blocks, written in long runs. */

#include <stdlib.h>

#include "image/parts.h"

enum {
        STAGE_SIZE = 1024 * 1024, /* bytes buffered before blocks are allocated; a multiple of every
                                     block size */
};

struct ImageFile {
        ImageWriter *w;
        ext2_ino_t ino;
        struct ext2_inode_large inode;
        uint64_t base; /* offset in the file of the buffer's beginning, a multiple of the block size
                        */
        size_t used;   /* bytes in the buffer */
        uint64_t end;  /* end of the last write */
        Runs runs;
};

int file_begin(ImageWriter *w, ext2_ino_t ino, const struct ext2_inode_large *inode,
               ImageFile **ret) {
        ImageFile *f;

        if (!w->stage && !(w->stage = malloc(STAGE_SIZE)))
                return image_fail(w, -ENOMEM, "out of memory");
        f = malloc(sizeof(*f));
        if (!f)
                return image_fail(w, -ENOMEM, "out of memory");
        *f = (ImageFile){ .w = w, .ino = ino, .inode = *inode };
        *ret = f;
        return 0;
}

ImageFile *image_file_free(ImageFile *f) {
        if (f)
                runs_done(&f->runs);
        free(f);
        return NULL;
}

static bool all_zero(const char *data, size_t size) {
        return size == 0 || (data[0] == 0 && memcmp(data, data + 1, size - 1) == 0);
}

/* Zeros in blocks that were never written need not be written: the image file is sparse there. */
static int write_run(ImageWriter *w, blk64_t block, blk64_t n, const char *data, blk64_t virgin) {
        size_t size = w->fs->blocksize;

        for (blk64_t i = 0, end; i < n; i = end) {
                bool skip = w->fresh && block + i >= virgin && all_zero(data + i * size, size);
                int r = 0;

                end = i + 1;
                while (end < n && skip == (w->fresh && block + end >= virgin &&
                                           all_zero(data + end * size, size)))
                        end++;
                if (!skip)
                        r = image_check(w,
                                        io_channel_write_blk64(w->fs->io, block + i,
                                                               (int) (end - i), data + i * size),
                                        "cannot write to the image");
                if (r < 0)
                        return r;
        }
        return 0;
}

/* Writes the buffer; the rest of the last block is zeros. */
static int flush(ImageFile *f) {
        ImageWriter *w = f->w;
        size_t size = w->fs->blocksize, blocks = (f->used + size - 1) / size;
        blk64_t first = f->base / size;
        int r = 0;

        if (f->used == 0)
                return 0;
        memset(w->stage + f->used, 0, blocks * size - f->used);
        for (blk64_t i = 0; r >= 0 && i < blocks;) {
                blk64_t virgin = w->high;
                Run run;

                r = runs_take(w, &f->runs, first + i, blocks - i, &run);
                if (r >= 0)
                        r = write_run(w, run.block, run.n, w->stage + i * size, virgin);
                i += run.n;
        }
        f->base += blocks * size;
        f->used = 0;
        return r;
}

/* Continues at offset; the gap is a hole, or zeros within a block that holds data. */
static int seek(ImageFile *f, uint64_t offset) {
        size_t size = f->w->fs->blocksize;
        uint64_t end = f->base + f->used, block_end = (end + size - 1) / size * size;
        int r;

        if (offset < end)
                return image_fail(f->w, -EBADMSG, "its content is not in ascending order");
        if (offset < block_end && f->used > 0) {
                memset(f->w->stage + f->used, 0, (size_t) (offset - end));
                f->used += (size_t) (offset - end);
                return 0;
        }
        r = flush(f);
        f->base = offset / size * size;
        f->used = (size_t) (offset % size);
        memset(f->w->stage, 0, f->used);
        return r;
}

int image_file_write(ImageFile *f, uint64_t offset, const void *data, size_t size) {
        const char *p = data;
        int r = 0;

        if (size == 0)
                return 0;
        if (offset > INT64_MAX - size)
                return image_fail(f->w, -EFBIG, "is too large a file");
        if (offset != f->base + f->used)
                r = seek(f, offset);
        f->end = offset + size;
        while (r >= 0 && size > 0) {
                size_t n = MIN(size, STAGE_SIZE - f->used);

                memcpy(f->w->stage + f->used, p, n);
                f->used += n;
                p += n;
                size -= n;
                if (f->used == STAGE_SIZE)
                        r = flush(f);
        }
        return r;
}

int image_file_end(ImageFile *f, uint64_t size) {
        _cleanup_(image_file_freep) ImageFile *own = f;
        struct ext2_inode *inode = (struct ext2_inode *) &f->inode;
        int r;

        if (f->end > size)
                return image_fail(f->w, -EBADMSG, "has content beyond its end");
        r = flush(f);
        if (r >= 0)
                r = runs_map(f->w, f->ino, &f->inode, &f->runs);
        if (r >= 0)
                r = image_check(f->w, ext2fs_inode_size_set(f->w->fs, inode, (ext2_off64_t) size),
                                "cannot set the size of a file");
        return r < 0 ? r : inode_write(own->w, own->ino, &own->inode);
}
