/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The system calls that a guest's kernel may make on the host, as a program for the host's kernel.
 */

#include <linux/filter.h>
#include <stdbool.h>

/* Compiles the filter. log: what is not on the list is not refused, but logged by the host's
 * kernel. shared: processes may have
 * memory that they share and that is in no file. -EOPNOTSUPP: this umld was built
 * without libseccomp. */
int syscall_filter_make(bool log, bool shared, struct sock_fprog *ret);
