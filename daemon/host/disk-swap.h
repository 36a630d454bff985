/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Swap space for guests: Disk=FILE,swap=SIZE. */

#include "conf/config.h"
#include "daemon/base/fault.h"

/* Makes the file where it is missing, or has another size. One that holds something else than swap
 * space is never touched. quiet: nothing is made. */
int disk_swap_prepare(const Disk *d, bool quiet, Fault *f);
