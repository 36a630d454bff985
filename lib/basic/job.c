/* SPDX-License-Identifier: GPL-2.0-or-later */
/* job.c - work in a thread, whose end is an event. */

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/eventfd.h>

#include "basic/job.h"

#define STACK_SIZE (64 * 1024)

struct Job {
        atomic_int users; /* references of the thread and of its owner; the last one frees it */
        int done_fd;      /* eventfd, written by the thread */
        void (*run)(void *data);
        void (*free_data)(void *data);
        void *data;
};

static void drop(Job *job) {
        if (atomic_fetch_sub(&job->users, 1) > 1)
                return;
        job->free_data(job->data);
        safe_close(job->done_fd);
        free(job);
}

static void *work(void *userdata) {
        Job *job = userdata;
        uint64_t one = 1;

        job->run(job->data);
        (void) !write(job->done_fd, &one, sizeof(one));
        drop(job);
        return NULL;
}

static int start_thread(Job *job) {
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
        r = -pthread_create(&thread, &attr, work, job);
        (void) pthread_sigmask(SIG_SETMASK, &before, NULL);
        (void) pthread_attr_destroy(&attr);
        return r;
}

int job_start(void (*run)(void *data), void (*free_data)(void *data), void *data, Job **ret) {
        Job *job = calloc(1, sizeof(*job));
        int r;

        if (!job) {
                free_data(data);
                return -ENOMEM;
        }
        *job = (Job){ .run = run, .free_data = free_data, .data = data };
        atomic_store(&job->users, 2);
        r = job->done_fd = RET_NERRNO(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
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

int job_fd(const Job *job) {
        return job->done_fd;
}

bool job_done(const Job *job) {
        struct pollfd p = { .fd = job->done_fd, .events = POLLIN };

        return poll(&p, 1, 0) > 0;
}

void *job_data(const Job *job) {
        return job->data;
}

Job *job_free(Job *job) {
        if (job)
                drop(job);
        return NULL;
}
