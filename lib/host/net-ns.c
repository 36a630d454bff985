/* SPDX-License-Identifier: GPL-2.0-or-later */
/* net-ns.c - an empty network namespace. */

#include <sched.h>

#include "host/net-ns.h"

static int make(void *userdata) {
        return RET_NERRNO(unshare(CLONE_NEWNET));
}

int net_ns_new(NsJob *job) {
        int r = job->job ? 0 : ns_job_begin(job, &(const NsWish){ .file = "net", .make = make });

        return r < 0 ? r : ns_job_take(job);
}
