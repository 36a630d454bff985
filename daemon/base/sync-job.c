/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sync-job.c - fsync() in a thread. */

#include <fcntl.h>

#include "daemon/base/sync-job.h"

typedef struct SyncFile {
        int fd; /* a duplicate of our own; -EBADF: none */
        int error;
} SyncFile;

typedef struct Sync {
        bool whole;
        size_t n;
        SyncFile files[];
} Sync;

static void run(void *data) {
        Sync *s = data;

        for (size_t i = 0; i < s->n; i++) {
                SyncFile *f = &s->files[i];

                if (f->fd >= 0)
                        f->error = RET_NERRNO(s->whole ? fsync(f->fd) : fdatasync(f->fd));
                f->fd = safe_close(f->fd);
        }
}

static void sync_free(void *data) {
        Sync *s = data;

        for (size_t i = 0; i < s->n; i++)
                safe_close(s->files[i].fd); /* only of one that did not run */
        free(s);
}

int sync_job_start(const int *fds, size_t n, bool whole, Job **ret) {
        Sync *s = calloc(1, sizeof(*s) + n * sizeof(s->files[0]));

        if (!s)
                return -ENOMEM;
        s->n = n;
        s->whole = whole;
        for (size_t i = 0; i < n; i++)
                s->files[i].fd = -EBADF;
        for (size_t i = 0; i < n; i++)
                if (fds[i] >= 0 && (s->files[i].fd = fcntl(fds[i], F_DUPFD_CLOEXEC, 0)) < 0) {
                        sync_free(s);
                        return -EMFILE;
                }
        return job_start(run, sync_free, s, ret);
}

int sync_job_result(const Job *job, size_t i) {
        return ((const Sync *) job_data(job))->files[i].error;
}
