/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* A tar archive put into an image, entry by entry as it comes. */

#include "image/stream.h"
#include "image/writer.h"

typedef struct ArchiveIn {
        bool layer;       /* of a container image: names that begin with .wh. remove others */
        bool other_owner; /* uid and gid of all entries are these … */
        uint32_t uid, gid;
        uint64_t entries_max, bytes_max; /* more is refused: nobody's tree, but somebody's trap */
        void (*progress)(uint64_t consumed, void *userdata);
        void *userdata;

        uint64_t entries, bytes; /* out: how many there were */
} ArchiveIn;

/* On failure *ret_why is one line, which the caller frees, and -ENOSPC is explained by
 * image_full(). */
int image_add_archive(ImageWriter *w, Stream *s, ArchiveIn *in, char **ret_why);
