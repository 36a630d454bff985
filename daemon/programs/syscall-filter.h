/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The system calls that a guest's kernel may make on the host, as programs for the host's kernel,
 * which write-syscall-filter.c has written.
 *
 * [log]: what is not on the list is not refused, but logged by the host's kernel. [shared]:
 * processes may have memory that they share and that is in no file. Of length 0: this umld was
 * built without libseccomp. */

#include <linux/filter.h>

extern const struct sock_fprog syscall_filters[2][2];
