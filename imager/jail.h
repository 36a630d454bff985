/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Drops all privileges before untrusted input is read. */

#include <sys/types.h>

#include "basic/macro.h"

/* Root becomes nobody, without a network and for good; memory is limited. That user first becomes
 * the owner of fd (-1: of none), so that programs can open it again. Returns 0, or 1 if this host
 * does not let root become nobody. */
int jail_enter(int fd);

/* The same, but root becomes this user, who already owns all the files. */
int jail_enter_as(uid_t uid);

/* Limits the size of files (RLIMIT_FSIZE). */
void jail_limit_files(uint64_t max);
