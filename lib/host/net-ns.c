/* SPDX-License-Identifier: GPL-2.0-or-later */
/* net-ns.c - an empty network namespace. */

#include <sched.h>

#include "host/net-ns.h"

static int make(void *userdata) {
        (void) userdata;
        return RET_NERRNO(unshare(CLONE_NEWNET));
}

int net_ns_new(NsJob *job) {
        return ns_job(job, &(const NsWish){ .file = "net", .make = make, .fd = -EBADF });
}
