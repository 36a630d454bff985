/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sync-job.c - fsync() in a thread. */

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/eventfd.h>

#include "daemon/base/sync-job.h"

#define STACK_SIZE (64 * 1024)

typedef struct SyncFile {
        int fd; /* a duplicate of our own; -EBADF: none */
        int error;
} SyncFile;

struct SyncJob {
        atomic_int users; /* references of the thread and of its owner; the last one frees it */
        int done_fd;      /* eventfd, written by the thread */
        bool whole;
        size_t n;
        SyncFile files[];
};

static void drop(SyncJob *job) {
        if (atomic_fetch_sub(&job->users, 1) > 1)
                return;
        for (size_t i = 0; i < job->n; i++)
                safe_close(job->files[i].fd);
        safe_close(job->done_fd);
        free(job);
}

static void *sync_files(void *userdata) {
        SyncJob *job = userdata;
        uint64_t one = 1;

        for (size_t i = 0; i < job->n; i++) {
                SyncFile *f = &job->files[i];

                if (f->fd >= 0)
                        f->error = RET_NERRNO(job->whole ? fsync(f->fd) : fdatasync(f->fd));
        }
        (void) !write(job->done_fd, &one, sizeof(one));
        drop(job);
        return NULL;
}

static int start_thread(SyncJob *job) {
        pthread_attr_t attr;
        sigset_t all, before;
        pthread_t thread;
        int r;

        r = -pthread_attr_init(&attr);
        if (r < 0)
                return r;
        (void) pthread_attr_setstacksize(&attr, STACK_SIZE);
        (void) pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
        sigfillset(&all);
        (void) pthread_sigmask(SIG_SETMASK, &all, &before); /* signals are for the main thread */
        r = -pthread_create(&thread, &attr, sync_files, job);
        (void) pthread_sigmask(SIG_SETMASK, &before, NULL);
        (void) pthread_attr_destroy(&attr);
        return r;
}

int sync_job_start(const int *fds, size_t n, bool whole, SyncJob **ret) {
        SyncJob *job = calloc(1, sizeof(*job) + n * sizeof(job->files[0]));
        int r;

        if (!job)
                return -ENOMEM;
        job->users = 1;
        job->n = n;
        job->whole = whole;
        for (size_t i = 0; i < n; i++)
                job->files[i].fd = fds[i] < 0 ? -EBADF : fcntl(fds[i], F_DUPFD_CLOEXEC, 0);
        r = job->done_fd = RET_NERRNO(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
        for (size_t i = 0; i < n && r >= 0; i++)
                if (fds[i] >= 0 && job->files[i].fd < 0)
                        r = -EMFILE;
        atomic_fetch_add(&job->users, 1);
        if (r >= 0)
                r = start_thread(job);
        if (r < 0) {
                drop(job); /* the reference of the thread that could not be created */
                drop(job);
                return r;
        }
        *ret = job;
        return 0;
}

int sync_job_fd(const SyncJob *job) {
        return job->done_fd;
}

bool sync_job_done(const SyncJob *job) {
        struct pollfd p = { .fd = job->done_fd, .events = POLLIN };

        return poll(&p, 1, 0) > 0;
}

int sync_job_result(const SyncJob *job, size_t i) {
        return job->files[i].error;
}

SyncJob *sync_job_free(SyncJob *job) {
        if (job)
                drop(job);
        return NULL;
}
