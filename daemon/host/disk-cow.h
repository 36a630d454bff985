/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The copy-on-write file of a disk (Disk=PATH,cow=FILE). */

#include "conf/config.h"
#include "daemon/base/fault.h"

/* Creates it if it does not exist or is empty, unless quiet; otherwise checks whether it still
 * belongs to its backing file, which is open as backing. The kernel would refuse a wrong one with a
 * panic, or silently attach it to another backing file. */
int disk_cow_prepare(const Disk *d, int backing, bool quiet, Fault *f);
