/* SPDX-License-Identifier: GPL-2.0-or-later */
/* helper.c - a program that does something for umld, which does not wait for it. */

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "basic/as-owner.h"
#include "basic/child.h"
#include "basic/fd-util.h"
#include "basic/process.h"
#include "basic/sandbox.h"
#include "basic/spawn.h"
#include "basic/string-util.h"
#include "daemon/base/helper.h"
#include "daemon/base/timer.h"

enum {
        LINES_MAX = 40, /* of its output: more would only fill the host's log */
        LINE_SIZE_MAX = 200,
        CHUNK = 1024,
        CHUNKS_AT_A_TIME = 64,
};

struct Helper {
        HelperOrder order; /* without its strings */
        pid_t pid;
        int output;
        sd_event_source *child, *timer, *readable;
        char line[LINE_SIZE_MAX]; /* its output since the last newline */
        size_t size;
        unsigned lines;
        bool late;
};

/* ---- its output ---- */

static void report_line(Helper *h) {
        _cleanup_free_ char *text = escape_text(h->line, h->size, sizeof(h->line));

        h->size = 0;
        if (!isempty(text) && h->lines++ < LINES_MAX)
                h->order.line(text, h->order.userdata);
}

/* It arrives in pieces: not more than some at a time, for a program that never stops must not keep
 * the loop from its other work, such as its time limit. true: there is no more. */
static bool read_output(Helper *h) {
        char buf[CHUNK];
        ssize_t n = 0;

        for (unsigned chunks = 0; chunks < CHUNKS_AT_A_TIME; chunks++) {
                n = read(h->output, buf, sizeof(buf));
                if (n <= 0)
                        break;
                for (ssize_t i = 0; i < n; i++) {
                        bool end = buf[i] == '\n' || buf[i] == '\r';

                        if (!end)
                                h->line[h->size++] = buf[i];
                        if (end || h->size == sizeof(h->line))
                                report_line(h);
                }
        }
        return n <= 0;
}

static int on_readable(sd_event_source *s, int fd, uint32_t revents, void *userdata) {
        if (read_output(userdata) && (revents & (EPOLLHUP | EPOLLERR)))
                (void) sd_event_source_set_enabled(s, SD_EVENT_OFF);
        return 0;
}

/* ---- its end ---- */

/* With all that it may have started: whoever keeps an image open keeps it locked. The group is
 * there once the child has run for a moment. */
static void kill_all(const Helper *h) {
        (void) process_signal(-h->pid, SIGKILL);
        (void) process_signal(h->pid, SIGKILL);
}

static int on_child(sd_event_source *s, const siginfo_t *si, void *userdata) {
        Helper *h = userdata;
        int status = si->si_code == CLD_EXITED ? si->si_status : HELPER_KILLED;

        h->pid = 0; /* sd-event has reaped it */
        (void) read_output(h);
        report_line(h);
        h->timer = sd_event_source_disable_unref(h->timer);
        h->readable = sd_event_source_disable_unref(h->readable);
        h->order.ended(h->late ? HELPER_LATE : status, h->order.userdata);
        return 0;
}

static int on_timeout(sd_event_source *s, uint64_t usec, void *userdata) {
        Helper *h = userdata;

        h->late = true;
        kill_all(h);
        return 0;
}

Helper *helper_free(Helper *h) {
        if (!h)
                return NULL;
        sd_event_source_disable_unref(h->child);
        sd_event_source_disable_unref(h->timer);
        sd_event_source_disable_unref(h->readable);
        if (h->pid > 0) {
                kill_all(h);
                child_abandon(h->pid); /* the undo of the host waits for its end */
        }
        safe_close(h->output);
        free(h);
        return NULL;
}

/* ---- its start ---- */

static void report_failure(int error, void *userdata) {
        dprintf(STDERR_FILENO, "cannot execute %s: %s\n", (const char *) userdata, strerror(error));
}

static int start(const HelperOrder *o, int output, pid_t *ret) {
        const int fds[] = { -EBADF, output, output, [HELPER_FD] = o->fd };

        return spawn(&(const Spawn){ .program = o->program,
                                     .argv = o->argv,
                                     .environment = o->environment,
                                     .failed = report_failure,
                                     .userdata = o->argv[0],
                                     .fds = fds,
                                     .n_fds = ARRAY_SIZE(fds),
                                     .death_signal = SIGKILL,
                                     .group = true,
                                     .optional_namespaces = o->sandbox ? SANDBOX_NAMESPACES : 0 },
                     ret);
}

static int watch(sd_event *event, Helper *h, usec_t limit) {
        int r = sd_event_add_child(event, &h->child, h->pid, WEXITED, on_child, h);

        if (r >= 0)
                r = sd_event_source_set_priority(h->child, SD_EVENT_PRIORITY_IMPORTANT);
        return r < 0 ? r : timer_new(event, "helper", limit, 0, on_timeout, h, &h->timer);
}

static int make(sd_event *event, const HelperOrder *order, int output, Helper **ret) {
        Helper *h = calloc(1, sizeof(*h));
        int r;

        if (!h) {
                safe_close(output);
                return -ENOMEM;
        }
        *h = (Helper){ .order = *order, .output = output };
        r = fd_nonblock(output, true);
        if (r >= 0)
                r = sd_event_add_io(event, &h->readable, output, EPOLLIN, on_readable, h);
        if (r < 0)
                helper_free(h);
        else
                *ret = h;
        return r;
}

int helper_start(sd_event *event, const HelperOrder *order, Helper **ret) {
        _cleanup_(helper_freep) Helper *h = NULL;
        _cleanup_close_ int theirs = -EBADF;
        int ends[2], r;

        if (pipe2(ends, O_CLOEXEC) < 0)
                return -errno;
        theirs = ends[1];
        if ((r = make(event, order, ends[0], &h)) < 0 || (r = start(order, theirs, &h->pid)) < 0 ||
            (r = watch(event, h, order->limit)) < 0)
                return r;
        *ret = TAKE_PTR(h);
        return 0;
}

int helper_adopt(sd_event *event, const HelperOrder *order, pid_t pid, int output, Helper **ret) {
        _cleanup_(helper_freep) Helper *h = NULL;
        _cleanup_close_ int owned = output;
        int r = output < 0 || pid <= 1 || !process_is_child(pid) ? -ECHILD : 0;

        if (r >= 0)
                r = make(event, order, TAKE_FD(owned), &h);
        if (r < 0)
                return r;
        h->pid = pid;
        r = watch(event, h, order->limit);
        if (r >= 0)
                *ret = TAKE_PTR(h);
        return r;
}

pid_t helper_pid(const Helper *h) {
        return h->pid;
}

int helper_output(const Helper *h) {
        return h->output;
}
