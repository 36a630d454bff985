/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "basic/macro.h"

/* For "did you mean": does typed look like known, give or take a slip of the fingers? Returns how
 * many slips apart they are (0: only case differs), or -1 where that is too many for a word of this
 * length. */
int slips_between(const char *typed, const char *known);
