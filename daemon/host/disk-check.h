/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Before a start: a file system of the guest that has noted errors is mended by e2fsck, or the
 * guest is not started. Nothing waits here. */

#include <systemd/sd-event.h>

#include "daemon/host/host.h"

typedef struct DiskCheck DiskCheck;

/* fault: NULL where all is well now. May free the check. */
typedef void (*DiskCheckDone)(const Fault *fault, void *userdata);

/* Looks at the disks of h, which is up, and begins to mend where there is need: 1, and done will be
 * called; else 0, the usual case. limit: how long the mending of one disk may take. */
int disk_check_start(sd_event *event, const Host *h, usec_t limit, DiskCheckDone done,
                     void *userdata, DiskCheck **ret);

/* Ends it where it is: e2fsck can be stopped like a guest can lose its power. */
DiskCheck *disk_check_free(DiskCheck *c);
DEFINE_CLEANUP(DiskCheck *, disk_check_free)
