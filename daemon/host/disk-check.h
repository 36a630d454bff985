/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Before a start, a change of an image by umlctl that was interrupted is undone, and a file system
 * of the guest that has recorded errors is repaired by e2fsck, or the guest is not started. Nothing
 * waits here. */

#include <systemd/sd-event.h>

#include "daemon/host/host.h"

typedef struct DiskCheck DiskCheck;

/* fault: NULL if everything is fine now. May free the check. */
typedef void (*DiskCheckDone)(const Fault *fault, void *userdata);

/* Checks the disks of h, which is up, and starts the repair if necessary: 1, and done will be
 * called; else 0, the usual case. limit: how long the repair of one disk may take. */
int disk_check_start(sd_event *event, const Host *h, usec_t limit, DiskCheckDone done,
                     void *userdata, DiskCheck **ret);

/* Aborts it: e2fsck can be killed, just as a guest can lose its power. */
DiskCheck *disk_check_free(DiskCheck *c);
DEFINE_CLEANUP(DiskCheck *, disk_check_free)
