/* SPDX-License-Identifier: GPL-2.0-or-later */
/* init-end.c - watches for the end of an umld-init, child or not. */

#include <sys/syscall.h>

#include "basic/process.h"
#include "basic/time-util.h"
#include "daemon/base/timer.h"
#include "daemon/boot/init-end.h"

#define LOOK_EVERY USEC_PER_MSEC

struct InitEnd {
        pid_t init;
        uint64_t start;
        int pidfd;
        sd_event_source *child, *io, *look;
        void (*ended)(void *userdata);
        void *userdata;
};

/* A restart must not wait for other events, for example those caused by the closed tap. Only events
 * that the guest cannot trigger again and again may come first. */
static int finish_source(int r, sd_event_source *s) {
        if (r < 0)
                return r;
        (void) sd_event_source_set_description(s, "guest-init");
        return sd_event_source_set_priority(s, SD_EVENT_PRIORITY_IMPORTANT);
}

/* ---- a child ---- */

static int on_child(sd_event_source *s, const siginfo_t *si, void *userdata) {
        InitEnd *e = userdata;

        e->ended(e->userdata);
        return 0;
}

/* ---- the child of another, which reaps it ---- */

static int on_pidfd(sd_event_source *s, int fd, uint32_t revents, void *userdata) {
        InitEnd *e = userdata;

        (void) sd_event_source_set_enabled(s, SD_EVENT_OFF);
        e->ended(e->userdata);
        return 0;
}

/* Its sockets are closed a moment before its namespace has ended. */
static int on_look(sd_event_source *s, uint64_t usec, void *userdata) {
        InitEnd *e = userdata;
        uint64_t start;

        if (process_start_time(e->init, &start) >= 0 && start == e->start)
                return timer_arm(s, LOOK_EVERY);
        e->ended(e->userdata);
        return 0;
}

static int on_closed(sd_event_source *s, int fd, uint32_t revents, void *userdata) {
        InitEnd *e = userdata;

        if (!(revents & (EPOLLHUP | EPOLLERR)))
                return 0;
        (void) sd_event_source_set_enabled(s, SD_EVENT_OFF);
        return timer_arm(e->look, 0);
}

/* Kernels before 5.3 have no descriptors of processes. */
static int watch_other(sd_event *event, InitEnd *e, int store_fd) {
        int r;

#ifdef SYS_pidfd_open
        e->pidfd = (int) syscall(SYS_pidfd_open, e->init, 0);
#endif
        if (process_start_time(e->init, &e->start) < 0) {
                e->pidfd = safe_close(e->pidfd);
                e->start = UINT64_MAX; /* it has ended already */
        }
        if (e->pidfd >= 0) {
                r = sd_event_add_io(event, &e->io, e->pidfd, EPOLLIN, on_pidfd, e);
                return finish_source(r, e->io);
        }
        r = timer_new(event, "guest-init-look", e->start == UINT64_MAX ? 0 : USEC_INFINITY, 1,
                      on_look, e, &e->look);
        if (r < 0 || e->start == UINT64_MAX)
                return r;
        r = sd_event_add_io(event, &e->io, store_fd, 0, on_closed, e);
        return finish_source(r, e->io);
}

InitEnd *init_end_free(InitEnd *e) {
        if (!e)
                return NULL;
        sd_event_source_disable_unref(e->child);
        sd_event_source_disable_unref(e->io);
        sd_event_source_disable_unref(e->look);
        safe_close(e->pidfd);
        free(e);
        return NULL;
}

int init_end_new(sd_event *event, const Launched *launched, void (*ended)(void *userdata),
                 void *userdata, InitEnd **ret) {
        _cleanup_(init_end_freep) InitEnd *e = calloc(1, sizeof(*e));
        int r;

        if (!e)
                return -ENOMEM;
        e->init = launched->init;
        e->pidfd = -EBADF;
        e->ended = ended;
        e->userdata = userdata;
        if (process_is_child(launched->init)) {
                r = sd_event_add_child(event, &e->child, launched->init, WEXITED, on_child, e);
                r = finish_source(r, e->child);
        } else
                r = watch_other(event, e, launched->store_fd);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(e);
        return 0;
}
