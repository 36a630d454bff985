/* SPDX-License-Identifier: GPL-2.0-or-later */
/* space.c - checks file systems, warns, freezes and thaws. */

#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "basic/cleanup.h"
#include "basic/job.h"
#include "basic/log.h"
#include "basic/string-util.h"
#include "conf/config.h"
#include "daemon/base/timer.h"
#include "daemon/watch/disk-space.h"
#include "daemon/watch/space.h"

#define BLOCK 512 /* in which st_blocks counts */

#define TIMER_ACCURACY (250 * USEC_PER_MSEC)

/* There is no hurry to continue. */
#define LOOK_FROZEN USEC_PER_SEC

struct SpaceWatch {
        GuestProcess *process;
        const int *fds;
        const bool *distant;
        size_t n;
        ImageSpace images[2 * CONFIG_DISKS_MAX];
        sd_event_source *timer, *measured;
        Job *job; /* measures those with a server */
        SpaceLevel level;
        bool looked;
        char *why;   /* of a level that is not enough */
        bool frozen; /* by us */
        bool held;   /* by a client */
};

/* ---- figures ---- */

void image_measure(int fd, ImageSpace *ret) {
        struct statvfs fs;
        struct stat st;
        int flags;

        *ret = (ImageSpace){};
        if (fd < 0 || (flags = fcntl(fd, F_GETFL)) < 0 || fstat(fd, &st) < 0 ||
            !S_ISREG(st.st_mode) || fstatvfs(fd, &fs) < 0)
                return;
        *ret = (ImageSpace){ .known = true,
                             .writable = (flags & O_ACCMODE) != O_RDONLY,
                             .device = st.st_dev,
                             .size = (uint64_t) st.st_size,
                             .held = (uint64_t) st.st_blocks * BLOCK,
                             .total = (uint64_t) fs.f_blocks * fs.f_frsize,
                             .available = (uint64_t) fs.f_bavail * fs.f_frsize };
}

/* For the thread: duplicates of the descriptors, and what it finds. */
typedef struct Measure {
        int fds[2 * CONFIG_DISKS_MAX];
        ImageSpace images[2 * CONFIG_DISKS_MAX];
} Measure;

static void measure_all(void *data) {
        Measure *m = data;

        for (size_t i = 0; i < ARRAY_SIZE(m->fds); i++) {
                image_measure(m->fds[i], &m->images[i]);
                m->fds[i] = safe_close(m->fds[i]);
        }
}

static void measure_free(void *data) {
        Measure *m = data;

        FOREACH_ELEMENT (fd, m->fds)
                safe_close(*fd); /* only of one that did not run */
        free(m);
}

static int begin_measure(SpaceWatch *w) {
        Measure *m = calloc(1, sizeof(*m));

        if (!m)
                return -ENOMEM;
        for (size_t i = 0; i < ARRAY_SIZE(m->fds); i++)
                m->fds[i] = i < w->n && w->distant[i] && w->fds[i] >= 0
                                    ? fcntl(w->fds[i], F_DUPFD_CLOEXEC, 0)
                                    : -EBADF;
        return job_start(measure_all, measure_free, m, &w->job);
}

/* ---- judgement ---- */

static uint64_t mib(uint64_t bytes) {
        return bytes >> 20;
}

/* By how much may this image grow? Not at all if it is read-only, or not a file. */
static uint64_t growth_of(const ImageSpace *image) {
        return image->known && image->writable ? image->size - MIN(image->held, image->size) : 0;
}

/* The file system of image i, with all images on it. False: it does not matter. */
static bool look_at(const SpaceWatch *w, size_t i, SpaceSight *ret) {
        const ImageSpace *image = &w->images[i];

        if (growth_of(image) == 0)
                return false;
        *ret = (SpaceSight){ .total = image->total, .available = image->available };
        for (size_t k = 0; k < w->n; k++)
                if (w->images[k].device == image->device)
                        ret->growth += growth_of(&w->images[k]);
        return true;
}

static void freeze(SpaceWatch *w, const SpaceSight *s) {
        int r = guest_process_command(w->process, "stop");

        if (r < 0) { /* it is booting, or hung; the next check retries */
                log_debug_errno(r, "the guest cannot be frozen now: %m");
                return;
        }
        w->frozen = true;
        log_error("the file system of the guest's disks has only %" PRIu64
                  "M left: the guest has been frozen, so that it loses nothing; free at least "
                  "%" PRIu64 "M",
                  mib(s->available), mib(space_needed(s)) + 1);
}

static void thaw(SpaceWatch *w) {
        int r = w->held ? 0 : guest_process_command(w->process, "go");

        if (r < 0) {
                log_debug_errno(r, "the guest cannot be thawed now: %m");
                return;
        }
        w->frozen = false;
        if (!w->held)
                log_notice("the guest, which was frozen for lack of disk space on the host, "
                           "continues");
}

static char *explain(const SpaceSight *s) {
        return strfmt("the file system of the guest's disks has only %" PRIu64
                      "M left, and they may grow by %" PRIu64 "M",
                      mib(s->available), mib(s->growth));
}

static void note(SpaceWatch *w, SpaceLevel level, const SpaceSight *s) {
        char *why = level == SPACE_ENOUGH ? NULL : explain(s);

        if (level == SPACE_LOW && w->level == SPACE_ENOUGH && why)
                log_warning("%s; free some space, because a guest is frozen before it is full",
                            why);
        if (level == SPACE_ENOUGH || why) { /* else the sentence before is still good */
                free(w->why);
                w->why = why;
        }
        w->level = level;
        w->looked = true;
}

/* Returns when to check again. */
static usec_t look(SpaceWatch *w) {
        SpaceLevel worst = SPACE_ENOUGH;
        SpaceSight tightest = {};
        usec_t next = USEC_INFINITY;

        for (size_t i = 0; i < w->n; i++) {
                SpaceLevel level;
                SpaceSight s;

                if (!look_at(w, i, &s))
                        continue;
                level = space_judge(w->level, &s);
                next = MIN(next, space_next_look(&s));
                if (level > worst || tightest.total == 0) {
                        worst = level;
                        tightest = s;
                }
        }
        note(w, worst, &tightest);
        if (worst == SPACE_FULL && !w->frozen)
                freeze(w, &tightest);
        else if (worst != SPACE_FULL && w->frozen)
                thaw(w);
        return w->frozen ? LOOK_FROZEN : MIN(next, space_next_look(&(SpaceSight){}));
}

/* Judges what was found, and says when to look again. */
static int conclude(SpaceWatch *w) {
        usec_t next = look(w);
        int r = sd_event_source_set_time_accuracy(w->timer, MIN(TIMER_ACCURACY, next / 4));

        if (r >= 0)
                r = timer_arm(w->timer, next);
        if (r < 0) {
                log_error_errno(r, "cannot set the timer of the disk space check: %m");
                return sd_event_exit(sd_event_source_get_event(w->timer), r);
        }
        return 0;
}

static int on_measured(sd_event_source *s, int fd, uint32_t revents, void *userdata) {
        SpaceWatch *w = userdata;
        const Measure *m = job_data(w->job);

        for (size_t i = 0; i < w->n; i++)
                if (w->distant[i])
                        w->images[i] = m->images[i];
        w->measured = sd_event_source_disable_unref(w->measured);
        w->job = job_free(w->job);
        return conclude(w);
}

static int on_timer(sd_event_source *s, uint64_t usec, void *userdata) {
        SpaceWatch *w = userdata;
        bool distant = false;
        int r = 0;

        for (size_t i = 0; i < w->n; i++)
                if (w->distant[i] && w->fds[i] >= 0)
                        distant = true;
                else
                        image_measure(w->fds[i], &w->images[i]);
        if (distant)
                r = begin_measure(w);
        if (distant && r >= 0)
                r = sd_event_add_io(sd_event_source_get_event(s), &w->measured, job_fd(w->job),
                                    EPOLLIN, on_measured, w);
        if (distant && r >= 0)
                return 0;
        w->job = job_free(w->job);
        return conclude(w);
}

SpaceWatch *space_watch_free(SpaceWatch *w) {
        if (!w)
                return NULL;
        sd_event_source_disable_unref(w->timer);
        sd_event_source_disable_unref(w->measured);
        job_free(w->job);
        if (w->held)
                (void) guest_process_command(w->process, "go");
        else if (w->frozen)
                thaw(w);
        free(w->why);
        free(w);
        return NULL;
}

int space_watch_new(sd_event *event, GuestProcess *p, const int *fds, const bool *distant, size_t n,
                    SpaceWatch **ret) {
        _cleanup_(space_watch_freep) SpaceWatch *w = calloc(1, sizeof(*w));
        int r;

        if (!w)
                return -ENOMEM;
        *w = (SpaceWatch){ .process = p, .fds = fds, .distant = distant, .n = n };
        assert(n <= ARRAY_SIZE(w->images));
        r = timer_new(event, "space-watch", 0, TIMER_ACCURACY, on_timer, w, &w->timer);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(w);
        return 0;
}

/* If there still is too little space when a client has it go on, the next check freezes it. */
void space_watch_hold(SpaceWatch *w, bool held) {
        if (!w)
                return;
        w->held = held;
        if (!held)
                w->frozen = false;
}

int space_watch_judgement(const SpaceWatch *w, const char **ret_why, bool *ret_full) {
        if (!w || !w->looked)
                return -ENOENT;
        *ret_why = w->level == SPACE_ENOUGH ? NULL : w->why;
        *ret_full = w->level == SPACE_FULL;
        return 0;
}

bool space_watch_frozen(const SpaceWatch *w) {
        return w && (w->frozen || w->held);
}

void space_watch_image(const SpaceWatch *w, size_t n, ImageSpace *ret) {
        *ret = w ? w->images[n] : (ImageSpace){};
}
