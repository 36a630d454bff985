/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What umld-image write is asked for, and its two ways to do it. All return exit codes. */

#include "image/stream.h"
#include "image/writer.h"

typedef struct Order {
        uint64_t size;     /* of the image; 0: not given */
        const char *label; /* of a new file system */
        bool keep_top;     /* a single directory at the top is not the root */
        bool overlay;      /* IMAGE_FD_OVERLAY is an archive */
} Order;

/* Of an archive. */
int write_tree(Stream *s, const Order *o);

/* Of the image of a disk or a file system. */
int write_copy(Stream *s, const Order *o);

/* What both do when the tree is there: lay the overlay over it, and close the image. The writer is
 * taken over. */
int write_rest(ImageWriter *w, const Order *o);
