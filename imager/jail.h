/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Gives up what reading a stranger's bytes does not need. */

#include "basic/macro.h"

/* Root becomes nobody, with no network and no way back; everybody is bounded in memory, and to
 * files of max bytes. fd is given to that user first, so that programs may open it again. 0, or 1
 * where the host let root become nobody else. */
int jail_enter(int fd, uint64_t max);
