/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Monitors the free space for the images of a running guest (daemon/watch/disk-space.h), and
 * freezes it over its management console while there is too little. */

#include "daemon/boot/process.h"

typedef struct SpaceWatch SpaceWatch;

/* fds: open images, n of them, -EBADF for none; borrowed, like p. */
int space_watch_new(sd_event *event, GuestProcess *p, const int *fds, size_t n, SpaceWatch **ret);

/* A frozen guest continues. */
SpaceWatch *space_watch_free(SpaceWatch *w);
DEFINE_CLEANUP(SpaceWatch *, space_watch_free)

/* Is it frozen now? w may be NULL. */
bool space_watch_frozen(const SpaceWatch *w);
