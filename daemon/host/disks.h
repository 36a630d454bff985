/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The step for the guest's images: they exist, are locked while umld manages the guest, and belong
 * to its user. */

#include "daemon/base/fault.h"

struct Host;

int disks_up(struct Host *h, Fault *f);
/* Syncs them, and returns them to their owners. */
int disks_down(struct Host *h, Fault *f);
