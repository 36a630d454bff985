/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "basic/time-util.h"

/* Lets a child make system calls for that long, each of which is intercepted as a UML kernel does
 * it, and counts them: they bound how fast a guest's programs can be. -EPERM: the host forbids
 * ptrace; -EIO: it does not know PTRACE_SYSEMU. */
int ptrace_try(usec_t span, uint64_t *ret_per_second);
