/* SPDX-License-Identifier: GPL-2.0-or-later */
/* waiter.c - waits for a guest.
 *
 * The umld in question may not be running yet, may end, and may be followed by another. So the
 * waiter polls: without a connection it tries to connect; with one it reads all properties, at once
 * when StateChanged or the end of the connection is seen and otherwise a few times per second. The
 * end of an umld is the end of its process, not of its connection, which a reexec ends, too: only
 * then are lock, tap and memory free again. */

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "api/bus-names.h"
#include "basic/fd-util.h"
#include "umlctl/bus-client.h"
#include "umlctl/waiter.h"

#define TICK_ALONE                                                                                 \
        (40 * USEC_PER_MSEC) /* without a connection: an attempt costs one system call             \
                              */
#define TICK_JOINED                                                                                \
        (250 * USEC_PER_MSEC)           /* with one: updates the progress line and detects a hang */
#define TICK_ENDING (5 * USEC_PER_MSEC) /* the process of a closed connection is about to end */

static const int handled_signals[] = { SIGINT, SIGTERM, SIGHUP };

void waiter_kick(Waiter *w) {
        (void) sd_event_source_set_time(w->tick, 0);
        (void) sd_event_source_set_enabled(w->tick, SD_EVENT_ONESHOT);
}

static int on_state_changed(sd_bus_message *m, void *userdata, sd_bus_error *ret_error) {
        const char *old, *new, *why;
        Waiter *w = userdata;

        if (sd_bus_message_read(m, "sss", &old, &new, &why) >= 0) {
                progress_set(&w->progress, isempty(why) ? new : why);
                waiter_kick(w);
        }
        return 0;
}

static int on_disconnected(sd_bus_message *m, void *userdata, sd_bus_error *ret_error) {
        waiter_kick(userdata);
        return 0;
}

static int subscribe(Waiter *w) {
        int r;

        r = sd_bus_match_signal(w->bus, NULL, NULL, UMLD_BUS_PATH, UMLD_BUS_INTERFACE,
                                UMLD_SIGNAL_STATE_CHANGED, on_state_changed, w);
        if (r >= 0)
                r = sd_bus_match_signal(w->bus, NULL, NULL, NULL, "org.freedesktop.DBus.Local",
                                        "Disconnected", on_disconnected, w);
        if (r >= 0)
                r = sd_bus_attach_event(w->bus, w->event, 0);
        return r;
}

int waiter_adopt(Waiter *w, sd_bus *bus, pid_t pid) {
        int r;

        w->bus = bus;
        r = subscribe(w);
        if (r < 0) {
                w->bus = sd_bus_close_unref(w->bus);
                return r;
        }
        w->pid = pid;
        w->seen = true;
        w->gone = false;
        safe_close(w->pidfd);
        /* Old kernels have no pidfds; then the end of the connection has to do. */
        w->pidfd = pid > 0 ? (int) syscall(SYS_pidfd_open, pid, 0) : -EBADF;
        return 0;
}

static bool process_ended(const Waiter *w) {
        struct pollfd p = { .fd = w->pidfd, .events = POLLIN };

        return w->pidfd < 0 || poll(&p, 1, 0) > 0;
}

/* Drops a broken connection, and checks whether the process behind it has ended too. */
static void look_for_end(Waiter *w) {
        if (w->bus && sd_bus_is_open(w->bus) > 0)
                return;
        w->bus = sd_bus_close_unref(w->bus);
        json_decref(w->props);
        w->props = NULL;
        w->gone = w->seen && process_ended(w);
}

static int join(Waiter *w) {
        sd_bus *bus = NULL;
        pid_t pid = 0;
        int r;

        r = bus_connect(w->name, BUS_ANSWER_LIMIT, &bus, &pid);
        w->pid = pid;
        return r < 0 ? r : waiter_adopt(w, bus, pid);
}

/* The same process serves again: its program was replaced (umlctl reexec). */
static bool join_again(Waiter *w) {
        sd_bus *bus = NULL;
        pid_t pid = 0;

        if (w->gone || bus_connect(w->name, BUS_ANSWER_LIMIT, &bus, &pid) < 0)
                return false;
        if (pid > 0 && pid == w->pid)
                return waiter_adopt(w, bus, pid) >= 0;
        sd_bus_close_unref(bus);
        return false;
}

static void look(Waiter *w) {
        bool was_gone = w->gone;
        json_t *props = NULL;

        look_for_end(w);
        /* The end of one umld must be noticed even if the next one is already running. */
        if (w->seen && !w->bus && !(w->gone && was_gone) && !join_again(w))
                return;
        w->error = w->bus ? 0 : join(w);
        if (w->error == -ENOENT)
                w->error = 0;
        if (!w->bus)
                return;
        w->error = bus_get_properties(w->bus, BUS_ANSWER_LIMIT, &props);
        if (w->error < 0) {
                look_for_end(w);
                return;
        }
        json_decref(w->props);
        w->props = props;
        if (!w->progress.text)
                progress_set(&w->progress, prop_string(props, UMLD_PROP_STATUS_TEXT));
}

static int on_tick(sd_event_source *s, uint64_t usec, void *userdata) {
        Waiter *w = userdata;
        usec_t next;
        int r;

        look(w);
        r = w->check(w, w->userdata);
        if (r != 0)
                return sd_event_exit(w->event, r);
        progress_draw(&w->progress);
        next = w->bus ? TICK_JOINED : w->seen && !w->gone ? TICK_ENDING : TICK_ALONE;
        r = sd_event_source_set_time(s, now_usec(CLOCK_MONOTONIC) + next);
        return r < 0 ? r : sd_event_source_set_enabled(s, SD_EVENT_ONESHOT);
}

static int on_deadline(sd_event_source *s, uint64_t usec, void *userdata) {
        return sd_event_exit(((Waiter *) userdata)->event, -ETIMEDOUT);
}

static int on_signal(sd_event_source *s, const struct signalfd_siginfo *si, void *userdata) {
        Waiter *w = userdata;

        w->signal = (int) si->ssi_signo;
        return sd_event_exit(w->event, -EINTR);
}

/* A signal that our caller ignores (nohup, a background job of a shell) stays ignored. */
static int watch_signal(Waiter *w, int signal) {
        struct sigaction sa;

        if (sigaction(signal, NULL, &sa) < 0)
                return -errno;
        return sa.sa_handler == SIG_IGN ? 0
                                        : sd_event_add_signal(w->event, NULL, signal, on_signal, w);
}

static int add_sources(Waiter *w, const Options *o) {
        sigset_t mask;
        int r;

        sigemptyset(&mask);
        sigaddset(&mask, SIGCHLD); /* for verbs that wait for a child */
        FOREACH_ELEMENT (s, handled_signals)
                sigaddset(&mask, *s);
        r = RET_NERRNO(sigprocmask(SIG_BLOCK, &mask, NULL));
        FOREACH_ELEMENT (s, handled_signals)
                if (r >= 0)
                        r = watch_signal(w, *s);
        if (r >= 0)
                r = sd_event_add_time(w->event, &w->tick, CLOCK_MONOTONIC, 0, 1, on_tick, w);
        /* Run after the other event handlers, so that the check sees their results. */
        if (r >= 0)
                r = sd_event_source_set_priority(w->tick, SD_EVENT_PRIORITY_IDLE);
        if (r < 0 || o->timeout == USEC_INFINITY)
                return r;
        r = sd_event_add_time(w->event, &w->deadline, CLOCK_MONOTONIC,
                              usec_add(now_usec(CLOCK_MONOTONIC), o->timeout), 1, on_deadline, w);
        /* The check runs at least once, even with --timeout=0. */
        return r < 0 ? r : sd_event_source_set_priority(w->deadline, SD_EVENT_PRIORITY_IDLE + 1);
}

int waiter_new(const char *name, const Options *options, WaiterCheck check, void *userdata,
               Waiter **ret) {
        _cleanup_(waiter_freep) Waiter *w = calloc(1, sizeof(Waiter));
        int r;

        if (!w)
                return -ENOMEM;
        *w = (Waiter){ .name = name, .check = check, .userdata = userdata, .pidfd = -EBADF };
        if (sigprocmask(SIG_SETMASK, NULL, &w->saved_mask) < 0)
                return -errno;
        r = sd_event_new(&w->event);
        if (r >= 0)
                r = add_sources(w, options);
        if (r < 0)
                return r;
        progress_begin(&w->progress, name, !options->quiet);
        *ret = TAKE_PTR(w);
        return 0;
}

int waiter_run(Waiter *w) {
        int r = sd_event_loop(w->event);

        progress_end(&w->progress);
        return r;
}

Waiter *waiter_free(Waiter *w) {
        if (!w)
                return NULL;
        progress_end(&w->progress);
        sd_bus_close_unref(w->bus);
        sd_event_source_unref(w->tick);
        sd_event_source_unref(w->deadline);
        sd_event_unref(w->event);
        (void) sigprocmask(SIG_SETMASK, &w->saved_mask, NULL);
        json_decref(w->props);
        safe_close(w->pidfd);
        free(w);
        return NULL;
}

GuestState waiter_state(const Waiter *w) {
        const char *state = prop_string(w->props, UMLD_PROP_STATE);

        return state ? guest_state_from_string(state) : GUEST_STATE_INVALID;
}
