/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "basic/macro.h"

/* For "did you mean": is typed similar to known? Returns the number of typing errors between them
 * (0: only case differs), or -1 if that is too many for a word of this length. */
int slips_between(const char *typed, const char *known);
