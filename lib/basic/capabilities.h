/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What a process gives up of root's privileges, for itself and for all that it executes. */

#include "basic/macro.h"

/* Keeps none but these, bits of CAP_…, also in the bounding set, so that no set-user-ID program
 * brings one back; nothing is inherited. 0 = a process of root's keeps its own until it changes its
 * user, but its children get none. */
int capabilities_keep(uint64_t wanted);

/* Drops all of this process' own. What it has open it keeps. */
int capabilities_drop(void);
