/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The copy-on-write file of a disk (Disk=PATH,cow=FILE). */

#include "daemon/host/host.h"

/* Creates it if it does not exist or is empty, unless h->quiet; otherwise checks whether it still
 * belongs to its backing file, which is open as backing. The kernel would refuse a wrong one with a
 * panic, or silently attach it to another backing file. */
int disk_cow_prepare(const Host *h, const Disk *d, int backing, Fault *f);
