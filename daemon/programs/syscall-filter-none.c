/* SPDX-License-Identifier: GPL-2.0-or-later */
/* syscall-filter-none.c - for an umld that was built without libseccomp: there is no filter. */

#include "daemon/programs/syscall-filter.h"

const struct sock_fprog syscall_filters[2][2] = {};
