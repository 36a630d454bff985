/* SPDX-License-Identifier: GPL-2.0-or-later */
/* node.c - the attributes of files that umld itself puts into an image. */

#include <stdlib.h>

#include "basic/parse-util.h"
#include "image/node.h"

/* SOURCE_DATE_EPOCH makes images reproducible. */
static struct timespec image_now(void) {
        const char *e = getenv("SOURCE_DATE_EPOCH");
        struct timespec now = {};
        uint64_t epoch;

        if (e && parse_unsigned(e, 0, INT32_MAX, &epoch) >= 0)
                now.tv_sec = (time_t) epoch;
        else
                (void) clock_gettime(CLOCK_REALTIME, &now);
        return now;
}

void image_node_init(ImageNode *n, mode_t mode) {
        *n = (ImageNode){ .mode = mode, .mtime = image_now() };
        n->atime = n->ctime = n->mtime;
}
