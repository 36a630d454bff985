/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The resource limits of a guest's kernel and of all that it starts. */

#include "host/launch.h"

/* Takes them for this process, before it loses /proc and its privileges. */
int guest_limits_apply(const LaunchLimits *limits);
