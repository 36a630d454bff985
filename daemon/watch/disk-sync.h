/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Syncs a guest's images to the host's disk while it is running: the guest's own fsync never
 * reaches the disk (UML-measured). A thread waits for the disk, never the event loop; an image that
 * has not been written to costs a stat(), or, if a server has it, a sync. */

#include <systemd/sd-event.h>

#include "conf/config.h"

typedef struct DiskSync DiskSync;

/* fds: open images, n of them, -EBADF for none; distant: which of them are on a file system with a
 * server. Both are borrowed. */
int disk_sync_new(sd_event *event, const int *fds, const bool *distant, size_t n, DiskSync **ret);
/* Does not wait: a sync in progress completes by itself. */
DiskSync *disk_sync_free(DiskSync *d);
DEFINE_CLEANUP(DiskSync *, disk_sync_free)

/* Syncs at this interval from now on; 0 = not automatically. */
int disk_sync_start(DiskSync *d, usec_t every);

/* Syncs now, without waiting for the result. */
void disk_sync_now(DiskSync *d);

/* Syncs a last time and stops, so that nothing uses the descriptors afterwards: 0 = done, or it
 * failed, which is logged; -EAGAIN: in progress, call again when *ret_fd (borrowed) is readable, or
 * later if that is negative. */
int disk_sync_finish(DiskSync *d, int *ret_fd);

/* What was written until then is on the disk; CLOCK_REALTIME, 0 = unknown. */
usec_t disk_sync_last(const DiskSync *d);
