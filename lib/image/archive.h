/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Unpacks a tar archive into an image, entry by entry as it is read. */

#include "image/stream.h"
#include "image/writer.h"

typedef struct ArchiveIn {
        bool layer;       /* a layer of a container image: names that begin with .wh. remove files
                             (whiteouts) */
        bool other_owner; /* uid and gid of all entries */
        uint32_t uid, gid;
        uint64_t entries_max, bytes_max; /* more is refused, as a denial of service */
        void (*progress)(uint64_t consumed, void *userdata);
        void *userdata;

        uint64_t entries, bytes; /* output: the number of entries read */
} ArchiveIn;

/* On failure *ret_why is one line, which the caller frees, and -ENOSPC is explained by
 * image_full(). */
int image_add_archive(ImageWriter *w, Stream *s, ArchiveIn *in, char **ret_why);
