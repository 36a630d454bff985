/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ns-job.c - makes a namespace in a child. */

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "basic/cleanup.h"
#include "host/ns-job.h"

#define PATIENCE (10 * USEC_PER_SEC)

/* The namespace is there for as long as somebody is in it, or has opened it. */
static int run(int output, void *userdata) {
        const NsWish *wish = userdata;
        int r = wish->make(wish->userdata);

        if (write(output, &r, sizeof(r)) == sizeof(r) && r >= 0)
                (void) pause();
        return 0;
}

static int begin(NsJob *j, const NsWish *wish) {
        ns_job_done(j);
        j->make = wish->make;
        return child_start(&j->child, &(const ChildWish){ .run = run,
                                                          .userdata = (void *) wish,
                                                          .patience = PATIENCE,
                                                          .keep = sizeof(int),
                                                          .fd = MAX(wish->fd, 0) });
}

static int open_namespace(const NsJob *j, const char *file) {
        char path[64];

        snprintf(path, sizeof(path), "/proc/%d/ns/%s", j->child.pid, file);
        return RET_NERRNO(open(path, O_RDONLY | O_CLOEXEC));
}

static void hear(NsJob *j, const char *file) {
        if (j->said || !child_told(&j->child, &j->result, sizeof(j->result)))
                return;
        j->said = true;
        if (j->result < 0)
                return;
        j->result = open_namespace(j, file);
        child_end(&j->child);
}

int ns_job(NsJob *j, const NsWish *wish) {
        int r = ns_job_makes(j, wish->make) ? 0 : begin(j, wish);

        if (r < 0)
                return r;
        r = child_poll(&j->child);
        hear(j, wish->file);
        if (r == 0)
                return -EAGAIN;
        if (r > 0) {
                r = j->said ? j->result : -EIO;
                j->said = false; /* the descriptor is the caller's */
        }
        ns_job_done(j);
        return r;
}

void ns_job_done(NsJob *j) {
        child_done(&j->child);
        if (j->said)
                safe_close(j->result);
        *j = (NsJob){};
}
