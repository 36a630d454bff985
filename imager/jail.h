/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Drops all privileges before untrusted input is read. */

#include "basic/macro.h"

/* Root becomes a user of its own where the host lets it, without a network and for good; memory is
 * limited. The image need not belong to that user. Returns 0, or the exit code after it has said
 * why it failed. */
int jail_enter(void);

/* Limits the size of files (RLIMIT_FSIZE). */
void jail_limit_files(uint64_t max);
