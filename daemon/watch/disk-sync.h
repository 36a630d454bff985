/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Makes a guest's images durable while it runs: its own fsync never reaches the host's disk
 * (UML-measured). The disk is waited for by a thread, never by the event loop; images to which
 * nobody has written cost a stat() each. */

#include <systemd/sd-event.h>

#include "conf/config.h"

typedef struct DiskSync DiskSync;

/* fds: open images, n of them, -EBADF for none; borrowed. */
int disk_sync_new(sd_event *event, const int *fds, size_t n, DiskSync **ret);
/* Waits as disk_sync_stop() does. */
DiskSync *disk_sync_free(DiskSync *d);
DEFINE_CLEANUP(DiskSync *, disk_sync_free)

/* From now on every so often; 0 = not by itself. */
int disk_sync_start(DiskSync *d, usec_t every);

/* Now, without waiting for it. */
void disk_sync_now(DiskSync *d);

/* No more, and nobody uses the descriptors behind it: waits for what is under way. */
void disk_sync_stop(DiskSync *d);

/* What was written until then is durable; CLOCK_REALTIME, 0 = nothing is known. */
usec_t disk_sync_last(const DiskSync *d);
