/* SPDX-License-Identifier: GPL-2.0-or-later */
/* disk-sync.c - fdatasync() of images at intervals, in a thread. */

#include <sys/stat.h>

#include "basic/log.h"
#include "daemon/base/sync-job.h"
#include "daemon/base/timer.h"
#include "daemon/watch/disk-sync.h"

/* Time stamps of files are as coarse as the kernel's tick: a write shortly after the observed one
 * may have left the same time stamp. */
#define STAMP_ACCURACY (50 * USEC_PER_MSEC)

/* That many attempts at the last round, then the end of the guest no longer waits: the host's
 * kernel writes what is left at its own time. */
#define LAST_ATTEMPTS 50

typedef struct Image {
        usec_t synced; /* its time stamp when it was last synced, 0 = unknown */
        usec_t stamp;  /* its time stamp when this round began */
        bool chosen;   /* to sync in this round */
} Image;

struct DiskSync {
        sd_event *event;
        const int *fds;
        const bool *distant; /* not to be asked for time stamps here */
        size_t n;
        sd_event_source *timer, *done;
        usec_t every;
        Job *job;        /* a sync is in progress */
        bool again;      /* and another one is wanted */
        bool last_round; /* disk_sync_finish() has begun the last one */
        unsigned failed; /* attempts to begin one, in a row */
        Moment began, last;
        Image images[2 * CONFIG_DISKS_MAX];
};

static usec_t later_stamp(const struct stat *st) {
        usec_t m = (usec_t) st->st_mtim.tv_sec * USEC_PER_SEC + (usec_t) st->st_mtim.tv_nsec / 1000;
        usec_t c = (usec_t) st->st_ctim.tv_sec * USEC_PER_SEC + (usec_t) st->st_ctim.tv_nsec / 1000;

        return MAX(m, c);
}

/* Selects what to sync. A block device has no useful time stamp, and that
 * of a file with a server may be an old one. Returns how many. */
static unsigned choose(DiskSync *d) {
        unsigned dirty = 0;

        d->began = moment_after(CLOCK_BOOTTIME, 0);
        for (size_t i = 0; i < d->n; i++) {
                Image *image = &d->images[i];
                struct stat st = {};

                image->chosen = false;
                if (d->fds[i] < 0 || (!d->distant[i] && fstat(d->fds[i], &st) < 0))
                        continue;
                image->stamp = S_ISREG(st.st_mode) ? later_stamp(&st) : 0;
                if (image->stamp > 0 && image->stamp == image->synced)
                        continue;
                if (usec_add(image->stamp, STAMP_ACCURACY) > d->began.realtime)
                        image->stamp = 0; /* and once more next time */
                image->chosen = true;
                dirty++;
        }
        return dirty;
}

static void finish_round(DiskSync *d) {
        bool good = true;

        for (size_t i = 0; i < d->n; i++) {
                Image *image = &d->images[i];
                int r = image->chosen ? sync_job_result(d->job, i) : 0;

                if (r < 0 && r != -EINVAL && r != -EROFS) {
                        log_error_errno(r, "a disk of the guest cannot be synced: %m; what the "
                                           "guest wrote may be lost");
                        good = false;
                } else if (image->chosen)
                        image->synced = image->stamp;
        }
        if (good)
                d->last = d->began;
        d->done = sd_event_source_disable_unref(d->done);
        d->job = job_free(d->job);
}

static int on_done(sd_event_source *s, int fd, uint32_t revents, void *userdata) {
        DiskSync *d = userdata;

        finish_round(d);
        if (d->again)
                disk_sync_now(d);
        return 0;
}

static int start_round(DiskSync *d) {
        int fds[ARRAY_SIZE(d->images)], r;

        for (size_t i = 0; i < d->n; i++)
                fds[i] = d->images[i].chosen ? d->fds[i] : -EBADF;
        r = sync_job_start(fds, d->n, false, &d->job);
        if (r >= 0)
                r = sd_event_add_io(d->event, &d->done, job_fd(d->job), EPOLLIN, on_done, d);
        if (r < 0) {
                d->job = job_free(d->job);
                return r;
        }
        (void) sd_event_source_set_description(d->done, "disk-sync-done");
        log_debug("syncing the guest's disks");
        return 0;
}

/* 1 = a sync is in progress, 0 = there is nothing to do. */
static int try_round(DiskSync *d) {
        int r;

        if (choose(d) == 0) {
                d->last = d->began;
                return 0;
        }
        r = start_round(d);
        if (r >= 0) {
                d->failed = 0;
                return 1;
        }
        if (d->failed++ == 0)
                log_warning_errno(r, "cannot sync the guest's disks now, retrying later: %m");
        return r;
}

void disk_sync_now(DiskSync *d) {
        d->again = d->job;
        if (!d->job)
                (void) try_round(d);
}

static int set_timer(DiskSync *d, usec_t every) {
        int r = sd_event_source_set_time(d->timer, usec_add(now_usec(CLOCK_MONOTONIC), every));

        return r < 0 ? r : sd_event_source_set_enabled(d->timer, SD_EVENT_ONESHOT);
}

static int on_timer(sd_event_source *s, uint64_t usec, void *userdata) {
        DiskSync *d = userdata;
        int r;

        if (!d->job) /* otherwise the disk is slower than the interval */
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

int disk_sync_finish(DiskSync *d, int *ret_fd) {
        int r;

        *ret_fd = -EBADF;
        (void) sd_event_source_set_enabled(d->timer, SD_EVENT_OFF);
        d->again = false;
        if (d->job && job_done(d->job))
                finish_round(d);
        if (!d->job && !d->last_round) { /* what was written since the last one began */
                r = try_round(d);
                if (r < 0 && d->failed < LAST_ATTEMPTS)
                        return -EAGAIN;
                d->last_round = true;
        }
        if (d->job) {
                *ret_fd = job_fd(d->job);
                return -EAGAIN;
        }
        d->last_round = false;
        for (size_t i = 0; i < d->n; i++) /* the descriptors may be reused next */
                d->images[i].synced = 0;
        return 0;
}

usec_t disk_sync_last(const DiskSync *d) {
        return moment_realtime(&d->last);
}

DiskSync *disk_sync_free(DiskSync *d) {
        if (!d)
                return NULL;
        sd_event_source_disable_unref(d->timer);
        sd_event_source_disable_unref(d->done);
        job_free(d->job);
        sd_event_unref(d->event);
        free(d);
        return NULL;
}

int disk_sync_new(sd_event *event, const int *fds, const bool *distant, size_t n, DiskSync **ret) {
        _cleanup_(disk_sync_freep) DiskSync *d = calloc(1, sizeof(*d));
        int r;

        if (!d)
                return -ENOMEM;
        assert(n <= ARRAY_SIZE(d->images));
        d->event = sd_event_ref(event);
        d->fds = fds;
        d->distant = distant;
        d->n = n;
        r = timer_new(event, "disk-sync", USEC_INFINITY, 0, on_timer, d, &d->timer);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(d);
        return 0;
}
