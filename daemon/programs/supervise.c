/* SPDX-License-Identifier: GPL-2.0-or-later */
/* supervise.c - waits for the end of the guest's kernel, and for somebody to tell of it. */

#include <signal.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "basic/cleanup.h"
#include "basic/peer.h"
#include "daemon/programs/init-layers.h"
#include "daemon/programs/supervise.h"

#define UMLD_PATIENCE (500 * USEC_PER_MSEC)

/* true: the main process has ended. */
static bool reap(pid_t kernel, int *ret_status) {
        pid_t pid;

        while ((pid = waitpid(-1, ret_status, WNOHANG | __WALL)) > 0)
                if (pid == kernel)
                        return true;
        return false;
}

/* Until something happens that is to be seen to, or for that many milliseconds (negative: for
 * ever). The kernel is not heard sooner than it may ask for its tap again. */
static void wait_for_events(const Supervised *s, bool acknowledge, int timeout) {
        usec_t pause = tun_broker_pause(s->broker, now_usec(CLOCK_MONOTONIC));
        struct pollfd fds[3 + STORE_POLL_MAX] = {
                { .fd = s->signal_fd, .events = POLLIN },
                { .fd = pause > 0 ? -1 : s->broker->fd, .events = POLLIN },
                { .fd = acknowledge || s->outlives ? INIT_FD_STATUS : -1,
                  .events = acknowledge ? POLLIN : 0 },
        };
        size_t n = 3;

        if (pause > 0 && (timeout < 0 || pause / USEC_PER_MSEC < (usec_t) timeout))
                timeout = (int) (pause / USEC_PER_MSEC) + 1;
        n += store_poll(s->store, fds + n, &timeout);
        (void) poll(fds, n, timeout);
}

static bool nobody_listens(void) {
        struct pollfd p = { .fd = INIT_FD_STATUS };

        return poll(&p, 1, 0) > 0 && p.revents & POLLHUP;
}

static bool is_left_alone(const Supervised *s) {
        return s->outlives && nobody_listens();
}

/* While umld lives it shuts the guest down, also where all processes of a host are told to end.
 * Only its own signal counts, and in a pid namespace it sends none. */
static bool is_ignored(const Supervised *s, const struct signalfd_siginfo *si) {
        return si->ssi_signo != SIGTERM ||
               (s->store->fd >= 0 &&
                (s->namespaced || peer_of(s->store->fd).pid != (pid_t) si->ssi_pid));
}

/* false: the guest has to end. */
static bool see_to_events(const Supervised *s, bool exited) {
        struct signalfd_siginfo si;

        if (is_left_alone(s))
                return false;
        while (read(s->signal_fd, &si, sizeof(si)) == sizeof(si)) {
                store_step(s->store); /* an umld that died before this came is known to be dead */
                if (!is_ignored(s, &si) && !store_hurry(s->store))
                        return false;
        }
        store_step(s->store);
        if (s->broker->fd >= 0 && tun_broker_pause(s->broker, now_usec(CLOCK_MONOTONIC)) == 0)
                tun_broker_answer(s->broker, now_usec(CLOCK_MONOTONIC));
        orphan_step(s->store, exited);
        return !s->store->over;
}

static bool is_acknowledged(void) {
        char c;

        return recv(INIT_FD_STATUS, &c, 1, MSG_DONTWAIT) == 1;
}

/* The tap has its carrier until umld has made sure that nobody still sends to the guest. */
static void let_go_of_tap(const Supervised *s) {
        struct pollfd p = { .fd = INIT_FD_STATUS, .events = POLLIN };

        if (s->broker->attached >= 0)
                (void) poll(&p, 1, (int) (UMLD_PATIENCE / USEC_PER_MSEC));
        s->broker->attached = safe_close(s->broker->attached);
}

/* An umld that dies before it has taken note of the kernel's end does not take the verdict with it:
 * the next one is told, too. Nothing else of the guest is left to run meanwhile. */
static void tell_of_end(const Supervised *s, int status) {
        init_report(INIT_EXITED, 0, status, "");
        let_go_of_tap(s);
        store_step(s->store); /* an umld that has died may have left all of it just before */
        if (s->store->patience == 0 || is_acknowledged())
                return;
        if (s->namespaced)
                (void) kill(-1, SIGKILL);
        while (!is_acknowledged()) {
                wait_for_events(s, s->store->fd >= 0 && !nobody_listens(), -1);
                if (!see_to_events(s, true))
                        return;
                (void) reap(s->kernel, &(int){ 0 });
                if (!s->store->new_status)
                        continue;
                s->store->new_status = false;
                init_report(INIT_EXITED, 0, status, "");
        }
}

void supervise(const Supervised *s) {
        int status;

        while (!reap(s->kernel, &status)) {
                wait_for_events(s, false, -1);
                if (!see_to_events(s, false))
                        return;
        }
        s->store->new_status = false;
        tell_of_end(s, status);
}
