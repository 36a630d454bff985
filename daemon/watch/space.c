/* SPDX-License-Identifier: GPL-2.0-or-later */
/* space.c - checks file systems, warns, freezes and thaws. */

#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "basic/cleanup.h"
#include "basic/log.h"
#include "basic/string-util.h"
#include "daemon/base/timer.h"
#include "daemon/watch/disk-space.h"
#include "daemon/watch/space.h"

#define TIMER_ACCURACY (250 * USEC_PER_MSEC)

/* There is no hurry to continue. */
#define LOOK_FROZEN USEC_PER_SEC

struct SpaceWatch {
        GuestProcess *process;
        const int *fds;
        size_t n;
        sd_event_source *timer;
        SpaceLevel level;
        bool looked;
        char *why;   /* of a level that is not enough */
        bool frozen; /* by us */
        bool held;   /* by a client */
};

static uint64_t mib(uint64_t bytes) {
        return bytes >> 20;
}

/* By how much may this image grow? Not at all if it is read-only, or not a file. */
static uint64_t growth_of(int fd, dev_t *ret_device) {
        struct stat st;
        uint64_t held;
        int flags;

        if (fd < 0 || (flags = fcntl(fd, F_GETFL)) < 0 || (flags & O_ACCMODE) == O_RDONLY ||
            fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
                return 0;
        *ret_device = st.st_dev;
        held = (uint64_t) st.st_blocks * 512;
        return (uint64_t) st.st_size > held ? (uint64_t) st.st_size - held : 0;
}

/* The file system of image i, with all images on it. False: it does not matter. */
static bool look_at(const SpaceWatch *w, size_t i, SpaceSight *ret) {
        dev_t device = 0;
        SpaceSight s = { .growth = growth_of(w->fds[i], &device) };
        struct statvfs fs;

        if (s.growth == 0 || fstatvfs(w->fds[i], &fs) < 0)
                return false;
        for (size_t k = 0; k < w->n; k++) {
                dev_t other = 0;
                uint64_t growth = k == i ? 0 : growth_of(w->fds[k], &other);

                if (growth > 0 && other == device)
                        s.growth += growth;
        }
        s.total = (uint64_t) fs.f_blocks * fs.f_frsize;
        s.available = (uint64_t) fs.f_bavail * fs.f_frsize;
        *ret = s;
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

static int on_timer(sd_event_source *s, uint64_t usec, void *userdata) {
        usec_t next = look(userdata);
        int r;

        (void) usec;
        r = sd_event_source_set_time_accuracy(s, MIN(TIMER_ACCURACY, next / 4));
        if (r >= 0)
                r = sd_event_source_set_time(s, usec_add(now_usec(CLOCK_MONOTONIC), next));
        if (r >= 0)
                r = sd_event_source_set_enabled(s, SD_EVENT_ONESHOT);
        if (r < 0) {
                log_error_errno(r, "cannot set the timer of the disk space check: %m");
                return sd_event_exit(sd_event_source_get_event(s), r);
        }
        return 0;
}

SpaceWatch *space_watch_free(SpaceWatch *w) {
        if (!w)
                return NULL;
        sd_event_source_disable_unref(w->timer);
        if (w->held)
                (void) guest_process_command(w->process, "go");
        else if (w->frozen)
                thaw(w);
        free(w->why);
        free(w);
        return NULL;
}

int space_watch_new(sd_event *event, GuestProcess *p, const int *fds, size_t n, SpaceWatch **ret) {
        _cleanup_(space_watch_freep) SpaceWatch *w = calloc(1, sizeof(*w));
        int r;

        if (!w)
                return -ENOMEM;
        *w = (SpaceWatch){ .process = p, .fds = fds, .n = n };
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
