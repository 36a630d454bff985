/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The resource limits of a guest's kernel. */

#include "host/launch.h"

struct Host;

/* Derived from its memory and the disks that are open. */
LaunchLimits limits_of(const struct Host *h);

/* Notes them as the detail of the layer, which the status shows. */
void limits_say(struct Host *h);
