/* SPDX-License-Identifier: GPL-2.0-or-later */
/* syscall-filter-none.c - for an umld that was built without libseccomp: there is no filter. */

#include <errno.h>

#include "daemon/programs/syscall-filter.h"

int syscall_filter_make(bool log, bool shared, struct sock_fprog *ret) {
        (void) log;
        (void) shared;
        (void) ret;
        return -EOPNOTSUPP;
}
