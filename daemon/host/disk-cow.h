/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The copy-on-write file of a disk (Disk=PATH,cow=FILE). */

#include "conf/config.h"
#include "daemon/base/fault.h"

/* Makes it where there is none or an empty one, unless quiet; otherwise looks whether it still
 * belongs to its backing file, which is open as backing. The kernel would refuse one that does not
 * with a panic, or quietly turn it over to another backing file. */
int disk_cow_prepare(const Disk *d, int backing, bool quiet, Fault *f);
