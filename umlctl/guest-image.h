/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The image of a guest that exists and does not run. */

#include <sys/types.h>

#include "conf/config.h"
#include "umlctl/progress.h"

typedef struct GuestImage {
        const char *guest;
        Config *config;
        int fd; /* locked, so that the guest cannot be started meanwhile */
} GuestImage;

#define GUEST_IMAGE_INIT ((GuestImage){ .fd = -EBADF })

void guest_image_done(GuestImage *i);

/* As long as it is open, no umld uses this image. -EBUSY: an umld uses it, or a kernel that was
 * started without umld. */
int guest_image_lock(int fd);

/* The same for one that is only read, as a backing file is by several guests. */
int guest_image_share(int fd);

/* Reads the configuration, and opens the guest's first disk. Returns 0 or the exit
 * code, after an error message. */
int guest_image_open(GuestImage *i, const char *guest);

/* Takes one that umld has open and locked. */
void guest_image_take(GuestImage *i, const char *guest, int fd);

typedef struct ImageChange {
        uint64_t size;       /* to grow it to; 0: as it is */
        int modules;         /* an archive of modules to be put there; -1: none */
        const char *release; /* of their kernel */
} ImageChange;

/* By umld-image, which checks and repairs its file system first. Returns the same. */
int guest_image_change(GuestImage *i, const ImageChange *change, Progress *progress);
