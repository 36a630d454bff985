/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The step for the guest's images: there, locked for as long as umld manages the guest, and its
 * user's. */

#include "daemon/base/fault.h"

struct Host;

int disks_up(struct Host *h, Fault *f);
/* Makes them durable, and gives them back to their owners. */
int disks_down(struct Host *h, Fault *f);
