/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The resource limits of a guest's kernel. */

#include "host/launch.h"

struct Host;

/* Derived from its memory and the disks that are open. */
LaunchLimits limits_of(const struct Host *h);

/* Says in the table of layers what they are. */
void limits_say(struct Host *h);
