/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ns-job.c - makes a namespace in a thread. */

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "basic/cleanup.h"
#include "host/ns-job.h"

#define PATIENCE (10 * USEC_PER_SEC)

/* The wish, and what became of it: the namespace's descriptor, or why there is none. */
typedef struct Work {
        NsWish wish;
        int result;
} Work;

static void work_free(void *data) {
        Work *w = data;

        if (w->wish.free_userdata)
                w->wish.free_userdata(w->wish.userdata);
        safe_close(w->result);
        free(w);
}

int ns_open_of_thread(void) {
        char path[64];

        snprintf(path, sizeof(path), "/proc/self/task/%ld/ns", syscall(SYS_gettid));
        return RET_NERRNO(open(path, O_PATH | O_DIRECTORY | O_CLOEXEC));
}

static int make(const Work *w) {
        _cleanup_close_ int namespaces = -EBADF;
        int r;

        if (unshare(CLONE_FS) < 0)
                return -errno;
        namespaces = ns_open_of_thread(); /* where it is going to be may be no /proc */
        if (namespaces < 0)
                return namespaces;
        r = w->wish.make(w->wish.userdata);
        return r < 0 ? r : RET_NERRNO(openat(namespaces, w->wish.file, O_RDONLY | O_CLOEXEC));
}

static void run(void *data) {
        Work *w = data;

        w->result = make(w);
}

int ns_job_begin(NsJob *j, const NsWish *wish) {
        Work *w = malloc(sizeof(*w));
        int r;

        ns_job_done(j);
        if (!w) {
                if (wish->free_userdata)
                        wish->free_userdata(wish->userdata);
                return -ENOMEM;
        }
        *w = (Work){ .wish = *wish, .result = -EBADF };
        r = job_start(run, work_free, w, &j->job);
        if (r < 0)
                return r;
        j->kind = wish->kind;
        j->deadline = usec_add(now_usec(CLOCK_MONOTONIC), PATIENCE);
        return 0;
}

int ns_job_take(NsJob *j) {
        bool late = now_usec(CLOCK_MONOTONIC) >= j->deadline;
        int r = late ? -ETIMEDOUT : -EAGAIN;

        if (job_done(j->job)) {
                Work *w = job_data(j->job);

                r = TAKE_FD(w->result);
        } else if (!late)
                return r;
        ns_job_done(j);
        return r;
}

void ns_job_done(NsJob *j) {
        job_free(j->job);
        *j = (NsJob){};
}
