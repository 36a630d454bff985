/* SPDX-License-Identifier: GPL-2.0-or-later */
/* write-fail.c - the size of the image, and why it could not be written. */

#include <string.h>
#include <unistd.h>

#include "api/image-protocol.h"
#include "imager/message.h"
#include "imager/write.h"

uint64_t image_size(void) {
        off_t size = lseek(IMAGE_FD_IMAGE, 0, SEEK_END);

        return size > 0 ? (uint64_t) size : 0;
}

int fail_write(const ImageWriter *w, int error, const char *why) {
        unsigned long long mib = image_size() >> 20;

        if (error != -ENOSPC)
                return say_error("%s", why ?: strerror(-error));
        switch (image_full(w)) {
        case IMAGE_FULL_SPACE:
                return say_error("the image of %llu MiB is full; use a larger --size", mib);
        case IMAGE_FULL_FILES:
                return say_error("the image of %llu MiB is full: it has no more than %llu inodes; "
                                 "use a larger --size",
                                 mib, (unsigned long long) image_files_max(w));
        case IMAGE_FULL_NOT:
        default:
                return say_error("%s", why ?: "no space left");
        }
}
