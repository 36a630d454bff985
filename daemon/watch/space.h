/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Monitors the free space for the images of a running guest (daemon/watch/disk-space.h), and
 * freezes it over its management console while there is too little. A client may freeze it in the
 * same way, for example to copy its images: then it is not thawed for having space again. */

#include "daemon/boot/process.h"

typedef struct SpaceWatch SpaceWatch;

/* An image and its file system, as they were found last. */
typedef struct ImageSpace {
        bool known; /* it is a file, and it was possible to tell */
        bool writable;
        dev_t device;
        uint64_t size, held;       /* bytes of the image, and allocated ones */
        uint64_t total, available; /* bytes of its file system that an ordinary user can use */
} ImageSpace;

/* Waits for the server of a network file system. */
void image_measure(int fd, ImageSpace *ret);

/* fds: open images, n of them, -EBADF for none; distant: those on a network file system or FUSE,
 * which is asked in a thread. Borrowed, like p. */
int space_watch_new(sd_event *event, GuestProcess *p, const int *fds, const bool *distant, size_t n,
                    SpaceWatch **ret);

/* A frozen guest continues. */
SpaceWatch *space_watch_free(SpaceWatch *w);
DEFINE_CLEANUP(SpaceWatch *, space_watch_free)

/* A client has frozen the guest, or has had it go on, whoever had frozen it. w may be NULL. */
void space_watch_hold(SpaceWatch *w, bool held);

/* A sentence: how little space there is; NULL = enough. *ret_full: the guest must not write.
 * -ENOENT: nobody has looked yet. w may be NULL. */
int space_watch_judgement(const SpaceWatch *w, const char **ret_why, bool *ret_full);

/* Of the n-th image. w may be NULL: nothing is known. */
void space_watch_image(const SpaceWatch *w, size_t n, ImageSpace *ret);

/* Is it frozen now? w may be NULL. */
bool space_watch_frozen(const SpaceWatch *w);
