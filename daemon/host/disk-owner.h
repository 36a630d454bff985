/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* An image that the guest writes to is owned by the guest's user while the guest is running.
 *
 * Changing the owner gives the file to whoever controls the guest, so that is done only if the file
 * is certainly meant: one without hard links, not reached by a symbolic link, and below the state
 * directory unless the configuration says ",adopt". A read-only image is never given; every user
 * must be able to read it. */

#include "conf/config.h"
#include "daemon/base/fault.h"

struct Host;

/* The image is open as fd; path is that of the disk or of its copy-on-write file. Refuses what must
 * not be given, and changes nothing if it already belongs to the guest's user. */
int disk_give(struct Host *h, const Disk *d, const char *path, int fd, Fault *f);

/* Can the guest's user read an image that it must not write? */
int disk_check_readable(const struct Host *h, const char *path, int fd, Fault *f);

/* Closes the images, and returns what was given, according to the ledger, to its owners: in a
 * thread, since a file server may be gone. -EAGAIN: not yet. */
int disks_return(struct Host *h, Fault *f);
