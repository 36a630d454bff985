/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Gives up what is not needed for reading a stranger's bytes. */

#include "basic/macro.h"

/* Root becomes nobody, without a network and without a way back; memory is limited. fd is given to
 * that user first, so that programs can open it again. Returns 0, or 1 if this host does not let
 * root become nobody. */
int jail_enter(int fd);

/* No file grows beyond this from here on. */
void jail_limit_files(uint64_t max);
