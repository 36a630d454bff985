/* SPDX-License-Identifier: GPL-2.0-or-later */
/* child.c - child processes that are polled, never waited for. */

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "basic/as-owner.h"
#include "basic/child.h"
#include "basic/cleanup.h"
#include "basic/fd-util.h"
#include "basic/spawn.h"

enum {
        PIDS_MAX = 64,
        CHUNK = 4096,
        CHUNKS_PER_LOOK = 64, /* one that writes all the time must not block us */
        NAPS = 20,            /* between the end of its output and that of the process */
        NAP_NSEC = 50 * 1000,
};

typedef struct Pids {
        pid_t pid[PIDS_MAX];
        size_t n;
} Pids;

static Pids running;
/* Killed, but not gone yet: for example in the middle of a write to a disk that does not respond.
 */
static Pids abandoned;

static void pids_add(Pids *p, pid_t pid) {
        if (p->n < PIDS_MAX)
                p->pid[p->n++] = pid;
}

static void pids_drop(Pids *p, pid_t pid) {
        for (size_t i = 0; i < p->n; i++)
                if (p->pid[i] == pid) {
                        p->pid[i] = p->pid[--p->n];
                        return;
                }
}

static bool pids_have(const Pids *p, pid_t pid) {
        for (size_t i = 0; i < p->n; i++)
                if (p->pid[i] == pid)
                        return true;
        return false;
}

bool child_is_known(pid_t pid) {
        return pids_have(&running, pid) || pids_have(&abandoned, pid);
}

static bool is_gone(pid_t pid) {
        pid_t r = waitpid(pid, NULL, WNOHANG);

        return r == pid || (r < 0 && errno == ECHILD);
}

size_t children_collect(void) {
        for (size_t i = abandoned.n; i-- > 0;)
                if (is_gone(abandoned.pid[i]))
                        pids_drop(&abandoned, abandoned.pid[i]);
        return abandoned.n;
}

void child_abandon(pid_t pid) {
        (void) children_collect();
        if (pid > 0 && !is_gone(pid))
                pids_add(&abandoned, pid); /* else it stays a zombie for as long as we live */
}

/* The start of the child: its output is its standard output. */
static int run_child(void *userdata) {
        const ChildWish *wish = userdata;

        return wish->run(STDOUT_FILENO, wish->userdata);
}

int child_start(Child *c, const ChildWish *wish) {
        _cleanup_free_ char *said = calloc(1, wish->keep + 1);
        _cleanup_close_ int ours = -EBADF, theirs = -EBADF;
        int ends[2], r;
        pid_t pid;

        (void) children_collect();
        if (!said)
                return -ENOMEM;
        if (pipe2(ends, O_CLOEXEC) < 0)
                return -errno;
        ours = ends[0];
        theirs = ends[1];
        if ((r = fd_nonblock(ours, true)) < 0 ||
            (r = spawn(&(const Spawn){ .run = run_child,
                                       .userdata = (void *) wish,
                                       .fds = (const int[]){ -EBADF, theirs, STDERR_FILENO },
                                       .n_fds = 3,
                                       .keep_fd = wish->fd,
                                       /* It must not continue behind the back of the next umld
                                        * when this one is killed. */
                                       .death_signal = SIGKILL,
                                       .session = wish->session,
                                       .optional_namespaces = wish->optional_namespaces },
                       &pid)) < 0)
                return r;
        pids_add(&running, pid);
        *c = (Child){ .pid = pid,
                      .output = TAKE_FD(ours),
                      .session = wish->session,
                      .deadline = usec_add(now_usec(CLOCK_MONOTONIC), wish->patience),
                      .said = TAKE_PTR(said),
                      .keep = wish->keep };
        return 0;
}

static void keep_words(Child *c, const char *words, size_t n) {
        size_t kept = MIN(n, c->keep - c->n_said);

        memcpy(c->said + c->n_said, words, kept);
        c->n_said += kept;
        c->said[c->n_said] = '\0';
        c->overflow |= kept < n;
}

static void listen_to(Child *c) {
        char buf[CHUNK];

        for (int i = 0; c->output >= 0 && i < CHUNKS_PER_LOOK; i++) {
                ssize_t n = read(c->output, buf, sizeof(buf));

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0 && errno == EAGAIN)
                        return;
                if (n > 0)
                        keep_words(c, buf, (size_t) n);
                else
                        c->output = safe_close(c->output);
        }
}

static bool has_ended(Child *c) {
        pid_t r = waitpid(c->pid, &c->status, WNOHANG);

        if (r != c->pid && (r >= 0 || errno != ECHILD))
                return false;
        c->status_known = r > 0;
        pids_drop(&running, c->pid);
        c->pid = 0;
        return true;
}

bool child_told(const Child *c, void *ret, size_t size) {
        if (c->n_said != size || c->overflow)
                return false;
        memcpy(ret, c->said, size);
        return true;
}

void child_end(const Child *c) {
        if (c->pid <= 0)
                return;
        (void) process_signal(c->pid, SIGKILL);
        if (c->session)
                (void) process_signal(-c->pid, SIGKILL);
}

static void give_up(Child *c) {
        child_end(c);
        pids_drop(&running, c->pid);
        child_abandon(c->pid);
        c->pid = 0;
}

int child_poll(Child *c) {
        static const struct timespec nap = { .tv_nsec = NAP_NSEC };

        listen_to(c);
        for (int i = 0; c->output < 0 && i < NAPS; i++) {
                if (c->pid == 0 || has_ended(c))
                        return 1;
                (void) nanosleep(&nap, NULL);
        }
        if (now_usec(CLOCK_MONOTONIC) < c->deadline)
                return 0;
        give_up(c);
        return -ETIMEDOUT;
}

int child_wait(Child *c) {
        int r;

        while ((r = child_poll(c)) == 0) {
                struct pollfd p = { .fd = c->output, .events = POLLIN }; /* -EBADF: only sleeps */
                usec_t left = usec_sub(c->deadline, now_usec(CLOCK_MONOTONIC));

                (void) poll(&p, 1,
                            c->output < 0 ? 1 : (int) MIN(left / USEC_PER_MSEC + 1, (usec_t) 1000));
        }
        return r;
}

void child_done(Child *c) {
        give_up(c);
        if (c->said)
                safe_close(c->output);
        free(c->said);
        *c = (Child){};
}
