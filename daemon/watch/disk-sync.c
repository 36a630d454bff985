/* SPDX-License-Identifier: GPL-2.0-or-later */
/* disk-sync.c - fdatasync() of images at intervals, in a thread. */

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/stat.h>

#include "basic/cleanup.h"
#include "basic/log.h"
#include "daemon/watch/disk-sync.h"

#define STACK_SIZE (64 * 1024)

/* Time stamps of files are as coarse as the kernel's tick: a write shortly after the observed one
 * may have left the same time stamp. */
#define STAMP_ACCURACY (50 * USEC_PER_MSEC)

typedef struct Image {
        usec_t synced; /* its time stamp when it was last synced, 0 = unknown */
        usec_t stamp;  /* its time stamp when this round began */
        int fd;        /* to sync in this round, -EBADF: nothing to do */
        int error;
} Image;

struct DiskSync {
        const int *fds;
        size_t n;
        sd_event_source *timer, *done;
        int done_fd; /* eventfd, written by the thread */
        usec_t every;
        pthread_t thread;
        bool under_way, again;
        Moment began, last;
        Image images[2 * CONFIG_DISKS_MAX];
};

/* Runs in the thread: nothing here allocates, so that a fork of the main thread never finds a lock
 * held. */
static void *sync_images(void *userdata) {
        DiskSync *d = userdata;
        uint64_t one = 1;

        for (size_t i = 0; i < d->n; i++) {
                Image *image = &d->images[i];

                if (image->fd >= 0)
                        image->error = fdatasync(image->fd) < 0 ? errno : 0;
        }
        (void) !write(d->done_fd, &one, sizeof(one));
        return NULL;
}

static usec_t later_stamp(const struct stat *st) {
        usec_t m = (usec_t) st->st_mtim.tv_sec * USEC_PER_SEC + (usec_t) st->st_mtim.tv_nsec / 1000;
        usec_t c = (usec_t) st->st_ctim.tv_sec * USEC_PER_SEC + (usec_t) st->st_ctim.tv_nsec / 1000;

        return MAX(m, c);
}

/* Selects what to sync. A block device has no useful time stamp. Returns how many. */
static unsigned choose(DiskSync *d) {
        unsigned dirty = 0;

        d->began = moment_after(CLOCK_BOOTTIME, 0);
        for (size_t i = 0; i < d->n; i++) {
                Image *image = &d->images[i];
                struct stat st;

                image->fd = -EBADF;
                image->error = 0;
                if (d->fds[i] < 0 || fstat(d->fds[i], &st) < 0)
                        continue;
                image->stamp = S_ISREG(st.st_mode) ? later_stamp(&st) : 0;
                if (image->stamp > 0 && image->stamp == image->synced)
                        continue;
                if (usec_add(image->stamp, STAMP_ACCURACY) > d->began.realtime)
                        image->stamp = 0; /* and once more next time */
                /* A descriptor of our own: the disk's may be closed, and its number reused, before
                 * the thread is done. */
                image->fd = fcntl(d->fds[i], F_DUPFD_CLOEXEC, 0);
                if (image->fd >= 0)
                        dirty++;
        }
        return dirty;
}

static int start_thread(DiskSync *d) {
        pthread_attr_t attr;
        sigset_t all, before;
        int r;

        r = -pthread_attr_init(&attr);
        if (r < 0)
                return r;
        (void) pthread_attr_setstacksize(&attr, STACK_SIZE);
        sigfillset(&all);
        (void) pthread_sigmask(SIG_SETMASK, &all, &before); /* signals are for the main thread */
        r = -pthread_create(&d->thread, &attr, sync_images, d);
        (void) pthread_sigmask(SIG_SETMASK, &before, NULL);
        (void) pthread_attr_destroy(&attr);
        return r;
}

/* Waits for the thread, which is about to end except in disk_sync_stop(). */
static void finish_round(DiskSync *d) {
        uint64_t count;
        bool good = true;

        (void) pthread_join(d->thread, NULL);
        d->under_way = false;
        (void) !read(d->done_fd, &count, sizeof(count));
        for (size_t i = 0; i < d->n; i++) {
                Image *image = &d->images[i];

                if (image->fd < 0)
                        continue;
                image->fd = safe_close(image->fd);
                if (image->error != 0 && image->error != EINVAL && image->error != EROFS) {
                        log_error_errno(image->error, "a disk of the guest cannot be synced: %m; "
                                                      "what the guest wrote may be lost");
                        good = false;
                } else
                        image->synced = image->stamp;
        }
        if (good)
                d->last = d->began;
}

void disk_sync_now(DiskSync *d) {
        int r;

        if (d->under_way) {
                d->again = true;
                return;
        }
        d->again = false;
        if (choose(d) == 0) {
                d->last = d->began;
                return;
        }
        r = start_thread(d);
        if (r < 0) {
                log_warning_errno(r, "cannot sync the guest's disks now, retrying later: %m");
                for (size_t i = 0; i < d->n; i++)
                        d->images[i].fd = safe_close(d->images[i].fd);
                return;
        }
        d->under_way = true;
        log_debug("syncing the guest's disks");
}

static int on_done(sd_event_source *s, int fd, uint32_t revents, void *userdata) {
        DiskSync *d = userdata;

        (void) s;
        (void) fd;
        (void) revents;
        if (d->under_way)
                finish_round(d);
        if (d->again)
                disk_sync_now(d);
        return 0;
}

static int set_timer(DiskSync *d, usec_t every) {
        int r = sd_event_source_set_time(d->timer, usec_add(now_usec(CLOCK_MONOTONIC), every));

        return r < 0 ? r : sd_event_source_set_enabled(d->timer, SD_EVENT_ONESHOT);
}

static int on_timer(sd_event_source *s, uint64_t usec, void *userdata) {
        DiskSync *d = userdata;
        int r;

        (void) usec;
        if (!d->under_way) /* otherwise the disk is slower than the interval */
                disk_sync_now(d);
        r = set_timer(d, d->every);
        if (r < 0) {
                log_error_errno(r, "cannot set the timer of DiskSync: %m");
                return sd_event_exit(sd_event_source_get_event(s), r);
        }
        return 0;
}

int disk_sync_start(DiskSync *d, usec_t every) {
        d->every = every;
        return every > 0 ? set_timer(d, every)
                         : sd_event_source_set_enabled(d->timer, SD_EVENT_OFF);
}

void disk_sync_stop(DiskSync *d) {
        (void) sd_event_source_set_enabled(d->timer, SD_EVENT_OFF);
        d->again = false;
        if (d->under_way)
                finish_round(d);
        for (size_t i = 0; i < d->n; i++) /* the descriptors may be reused next */
                d->images[i].synced = 0;
}

usec_t disk_sync_last(const DiskSync *d) {
        return moment_realtime(&d->last);
}

DiskSync *disk_sync_free(DiskSync *d) {
        if (!d)
                return NULL;
        if (d->under_way)
                finish_round(d);
        sd_event_source_disable_unref(d->timer);
        sd_event_source_disable_unref(d->done);
        safe_close(d->done_fd);
        free(d);
        return NULL;
}

int disk_sync_new(sd_event *event, const int *fds, size_t n, DiskSync **ret) {
        _cleanup_(disk_sync_freep) DiskSync *d = calloc(1, sizeof(*d));
        int r;

        if (!d)
                return -ENOMEM;
        assert(n <= ARRAY_SIZE(d->images));
        d->fds = fds;
        d->n = n;
        d->done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (d->done_fd < 0)
                return -errno;
        if ((r = sd_event_add_io(event, &d->done, d->done_fd, EPOLLIN, on_done, d)) < 0 ||
            (r = sd_event_add_time(event, &d->timer, CLOCK_MONOTONIC, 0, 0, on_timer, d)) < 0 ||
            (r = sd_event_source_set_enabled(d->timer, SD_EVENT_OFF)) < 0)
                return r;
        (void) sd_event_source_set_description(d->done, "disk-sync-done");
        (void) sd_event_source_set_description(d->timer, "disk-sync");
        *ret = TAKE_PTR(d);
        return 0;
}
