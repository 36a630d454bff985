/* SPDX-License-Identifier: GPL-2.0-or-later */
/* retry.c - retries by timer, with increasing intervals. */

#include <fcntl.h>

#include "basic/cleanup.h"
#include "basic/log.h"
#include "daemon/base/retry.h"
#include "daemon/base/timer.h"

#define FIRST_PAUSE   USEC_PER_MSEC
#define LONGEST_PAUSE (100 * USEC_PER_MSEC)

struct Retry {
        sd_event *event;
        sd_event_source *timer, *wake;
        int wake_fd; /* a duplicate: its owner may close it at any time */
        const char *name;
        void (*again)(void *userdata);
        void *userdata;
        char *what;   /* what is waited for; NULL: nothing */
        usec_t since; /* CLOCK_MONOTONIC, when the waiting began */
        usec_t pause; /* the last interval; 0 = none yet */
};

static int on_wake(sd_event_source *s, int fd, uint32_t revents, void *userdata);

static void disarm(Retry *r) {
        (void) sd_event_source_set_enabled(r->timer, SD_EVENT_OFF);
        r->wake = sd_event_source_disable_unref(r->wake);
        r->wake_fd = safe_close(r->wake_fd);
}

/* If there is no descriptor left, there still is the timer. */
static void watch(Retry *r, int fd) {
        r->wake_fd = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
        if (r->wake_fd >= 0)
                (void) sd_event_add_io(r->event, &r->wake, r->wake_fd, EPOLLIN, on_wake, r);
}

static int on_timer(sd_event_source *s, uint64_t usec, void *userdata) {
        Retry *r = userdata;

        disarm(r);
        r->again(r->userdata);
        return 0;
}

static int on_wake(sd_event_source *s, int fd, uint32_t revents, void *userdata) {
        return on_timer(s, 0, userdata);
}

void retry_later(Retry *r, Fault *wait) {
        usec_t now = now_usec(CLOCK_MONOTONIC);
        int error;

        disarm(r);
        if (r->since == 0)
                r->since = now;
        free(r->what);
        r->what = TAKE_PTR(wait->text);
        r->pause = r->pause == 0 ? FIRST_PAUSE : MIN(r->pause * 2, LONGEST_PAUSE);
        if (wait->wake_fd > 0)
                watch(r, wait->wake_fd);
        error = timer_arm(r->timer, r->pause);
        if (error < 0) {
                log_error_errno(error, "cannot set the timer %s: %m", r->name);
                (void) sd_event_exit(r->event, error);
        }
}

usec_t retry_waited(const Retry *r) {
        return r->since == 0 ? 0 : usec_sub(now_usec(CLOCK_MONOTONIC), r->since);
}

void retry_end(Retry *r) {
        disarm(r);
        free(r->what);
        r->what = NULL;
        r->since = r->pause = 0;
}

const char *retry_waits_for(const Retry *r) {
        return r ? r->what : NULL;
}

int retry_new(sd_event *event, const char *name, void (*again)(void *userdata), void *userdata,
              Retry **ret) {
        _cleanup_(retry_freep) Retry *r = calloc(1, sizeof(*r));
        int error;

        if (!r)
                return -ENOMEM;
        *r = (Retry){ .event = sd_event_ref(event),
                      .name = name,
                      .again = again,
                      .userdata = userdata,
                      .wake_fd = -EBADF };
        error = timer_new(event, name, USEC_INFINITY, 1, on_timer, r, &r->timer);
        if (error < 0)
                return error;
        *ret = TAKE_PTR(r);
        return 0;
}

Retry *retry_free(Retry *r) {
        if (!r)
                return NULL;
        sd_event_source_disable_unref(r->timer);
        sd_event_source_disable_unref(r->wake);
        safe_close(r->wake_fd);
        sd_event_unref(r->event);
        free(r->what);
        free(r);
        return NULL;
}
