/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The system calls that no helper of umld's needs: what gives access to other processes, to the
 * host's set-up and to the parts of its kernel in which most faults are found. What runs in the
 * place of a guest's kernel has a list of what it may call instead
 * (daemon/programs/syscall-filter.h).
 *
 * Only system calls and constants, and no library: it is used between fork and exec, and not only
 * by programs that have libseccomp. */

#include <linux/filter.h>

#include "basic/macro.h"

typedef enum HelperNeeds {
        HELPER_SOCKETS = 1 << 0,  /* to the network, beside those of AF_UNIX */
        HELPER_PROGRAMS = 1 << 1, /* it executes some */
} HelperNeeds;

/* Refuses them to this process and all that it starts, for ever; a refused call fails with EPERM.
 * -EINVAL: the host's kernel has no filters; -EACCES: it needs no_new_privs first. */
int helper_filter_apply(unsigned needs);

/* Puts a filter in force for this process. */
int filter_apply(const struct sock_fprog *filter);
