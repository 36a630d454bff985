/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Drops all privileges before untrusted input is read. */

#include "basic/macro.h"

/* Root becomes a user of its own, without a network and for good; memory is limited. The image need
 * not belong to that user. Returns 0, or 1 if this host does not let root become another user. */
int jail_enter(void);

/* Limits the size of files (RLIMIT_FSIZE). */
void jail_limit_files(uint64_t max);
