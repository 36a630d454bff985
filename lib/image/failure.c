/* SPDX-License-Identifier: GPL-2.0-or-later */
/* failure.c - converts errors of libext2fs to errno and to text. */

#include <stdio.h>

#include "image/parts.h"

int image_fail(ImageWriter *w, int error, const char *format, ...) {
        _cleanup_free_ char *why = NULL;
        va_list ap;

        va_start(ap, format);
        why = strfmtv(format, ap);
        va_end(ap);
        (void) free_and_strdup(&w->why, why);
        return error;
}

/* The library's own codes; others are errno. */
static int translate(ImageWriter *w, errcode_t e) {
        if (e > 0 && e < 256)
                return -(int) e;
        switch (e) {
        case EXT2_ET_BLOCK_ALLOC_FAIL:
                w->full = IMAGE_FULL_SPACE;
                return -ENOSPC;
        case EXT2_ET_INODE_ALLOC_FAIL:
                w->full = IMAGE_FULL_FILES;
                return -ENOSPC;
        case EXT2_ET_NO_MEMORY:
                return -ENOMEM;
        case EXT2_ET_FILE_TOO_BIG:
                return -EFBIG;
        case EXT2_ET_EA_NO_SPACE:
        case EXT2_ET_EA_BAD_VALUE_SIZE:
                return -E2BIG;
        case EXT2_ET_SHORT_READ:
                return -EIO;
        case EXT2_ET_SHORT_WRITE: /* a short write: the file system of the host is full */
                return -ENOSPC;
        default:
                return -EUCLEAN;
        }
}

int image_check(ImageWriter *w, errcode_t e, const char *what) {
        int r;

        if (e == 0)
                return 0;
        if (e >= 256 && undo_io_error() != 0) /* "Can't write a block bitmap" */
                e = undo_io_error();
        r = translate(w, e);
        if (r == -ENOSPC && w->full == IMAGE_FULL_SPACE)
                return image_fail(w, r, IMAGE_FULL_TEXT);
        if (r == -ENOSPC && w->full == IMAGE_FULL_FILES)
                return image_fail(w, r, IMAGE_FULL_TEXT ": all its %u inodes are in use",
                                  w->fs->super->s_inodes_count);
        if (r == -ENOSPC)
                return image_fail(w, r, "the host's disk is full");
        return image_fail(w, r, "%s: %s", what, error_message(e));
}
