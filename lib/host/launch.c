/* SPDX-License-Identifier: GPL-2.0-or-later */
/* launch.c - forks and execs umld-init with exactly the required descriptors, signals and
 * environment. */

#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "basic/child.h"
#include "basic/cleanup.h"
#include "basic/fd-util.h"
#include "basic/peer.h"
#include "host/init-protocol.h"
#include "host/launch.h"

/* Linux 5.7; defined here because Debian 11's headers may lack it. */
#ifndef CLONE_INTO_CGROUP
        #define CLONE_INTO_CGROUP 0x200000000ULL
#endif

/* Whatever the caller does next competes with the exec for a CPU, or for locks. */
#define GIVE_WAY_MSEC 5

/* As struct clone_args of Linux 5.7 (clone(2)). */
struct clone_args_v2 {
        uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls, set_tid,
                set_tid_size, cgroup;
};

/* fork() into new namespaces and a cgroup. The child has stale thread-local pids in libc, so it
 * must exec at once. */
static pid_t fork_into(unsigned long namespaces, int cgroup_fd) {
        struct clone_args_v2 args = {
                .flags = namespaces | (cgroup_fd >= 0 ? CLONE_INTO_CGROUP : 0),
                .exit_signal = SIGCHLD,
                .cgroup = cgroup_fd >= 0 ? (uint64_t) cgroup_fd : 0,
        };

        return (pid_t) syscall(SYS_clone3, &args, sizeof(args));
}

/* The best containment that the host allows: clone3() into both, else without the cgroup, else
 * clone(), else a plain fork. Sets what is in force. */
static pid_t fork_contained(const Launch *l, Launched *launched) {
        unsigned long namespaces = l->no_pid_namespace ? 0 : CLONE_NEWPID | CLONE_NEWIPC;
        pid_t pid;

        launched->pid_namespace = namespaces != 0;
        if (l->cgroup_fd >= 0) {
                pid = fork_into(namespaces, l->cgroup_fd);
                if (pid >= 0) {
                        launched->cgroup = true;
                        return pid;
                }
        }
        pid = (pid_t) syscall(SYS_clone, namespaces | SIGCHLD, NULL, NULL, NULL, NULL);
        if (pid >= 0 || namespaces == 0)
                return pid;
        launched->pid_namespace = false;
        return fork();
}

/* Child only: moves fd to where, and clears close-on-exec. */
static int place_fd(int fd, int where) {
        return dup2(fd, where) < 0 ? -errno : fd_cloexec(where, false);
}

static int enter_cgroup(int cgroup_fd) {
        _cleanup_close_ int fd = openat(cgroup_fd, "cgroup.procs", O_WRONLY | O_CLOEXEC);

        return fd < 0 ? -errno : write_all(fd, "0", 1);
}

/* Child only: each target is below every source, as launch_prepare() ensures. */
static int prepare_child(const Launch *l, int status_fd, bool join_cgroup) {
        sigset_t none;
        int r, null_fd;

        sigemptyset(&none);
        (void) sigprocmask(SIG_SETMASK, &none, NULL);
        for (int sig = 1; sig < NSIG; sig++)
                (void) signal(sig, SIG_DFL);
        (void) setsid();
        if (join_cgroup)
                (void) enter_cgroup(l->cgroup_fd); /* containment does not depend on it */
        null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
        if (null_fd < 0)
                return -errno;
        for (int fd = STDIN_FILENO; fd <= GUEST_FD_TERMINAL; fd++)
                if ((r = place_fd(null_fd, fd)) < 0)
                        return r;
        r = place_fd(status_fd, INIT_FD_STATUS);
        return r < 0 || l->mount_ns_fd < 0 ? r : place_fd(l->mount_ns_fd, INIT_FD_MOUNT_NS);
}

static _noreturn_ void run_child(const Launch *l, int status_fd, char *const *argv,
                                 bool join_cgroup) {
        InitMessage m = { .type = INIT_FAILED, .step = "start of umld-init" };
        int r = prepare_child(l, status_fd, join_cgroup);

        if (r >= 0) {
                char *const empty[] = { NULL };

                execve(l->init, argv, empty);
                r = -errno;
                status_fd = INIT_FD_STATUS;
        }
        m.error = -r;
        (void) !write(status_fd, &m, sizeof(m));
        _exit(127);
}

static int build_argv(const Launch *l, Strv *ret) {
        int r;

        if ((r = strv_push(ret, "umld-init")) < 0 ||
            (r = strv_pushf(ret, "--uid=%u", (unsigned) l->uid)) < 0)
                return r;
        if ((r = strv_pushf(ret, "--directory=%s", l->directory)) < 0)
                return r;
        if (l->mount_ns_fd >= 0 && (r = strv_push(ret, "--mount-ns")) < 0)
                return r;
        if (l->one_cpu && (r = strv_push(ret, "--one-cpu")) < 0)
                return r;
        if (l->service && (r = strv_push(ret, "--service")) < 0)
                return r;
        for (size_t i = 0; i < l->environment->n; i++)
                if ((r = strv_pushf(ret, "--setenv=%s", l->environment->v[i])) < 0)
                        return r;
        if ((r = strv_push(ret, "--")) < 0)
                return r;
        return strv_copy(ret, l->argv);
}

/* Returns a duplicate that no fixed descriptor of umld-init will overwrite. */
static int copy_above_fixed(int fd) {
        return RET_NERRNO(fcntl(fd, F_DUPFD_CLOEXEC, INIT_FD_MAX + 1));
}

int launch_prepare(const Launch *l, Launched *ret) {
        _cleanup_close_ int ours = -EBADF, theirs = -EBADF, copy = -EBADF, mount_ns = -EBADF;
        _cleanup_strv_ Strv argv = {};
        Launched launched = { .status_fd = -EBADF };
        Launch lifted = *l;
        int pair[2], r, on = 1;

        r = build_argv(l, &argv);
        if (r < 0)
                return r;
        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
                return -errno;
        ours = pair[0];
        theirs = pair[1];
        if (setsockopt(ours, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) < 0)
                return -errno;
        if ((r = fd_nonblock(ours, true)) < 0 || (r = copy = copy_above_fixed(theirs)) < 0)
                return r;
        if (l->mount_ns_fd >= 0) {
                lifted.mount_ns_fd = mount_ns = copy_above_fixed(l->mount_ns_fd);
                if (mount_ns < 0)
                        return mount_ns;
        }
        launched.init = fork_contained(&lifted, &launched);
        if (launched.init < 0)
                return -errno;
        if (launched.init == 0)
                run_child(&lifted, copy, argv.v, lifted.cgroup_fd >= 0 && !launched.cgroup);
        launched.status_fd = TAKE_FD(ours);
        *ret = launched;
        return 0;
}

static int send_fds(int socket_fd, const int *fds, size_t n) {
        union {
                struct cmsghdr align;
                char buf[CMSG_SPACE(INIT_GO_FDS_MAX * sizeof(int))];
        } control = {};
        struct iovec iov = { .iov_base = (char *) "", .iov_len = 1 };
        struct msghdr mh = {
                .msg_iov = &iov,
                .msg_iovlen = 1,
                .msg_control = &control,
                .msg_controllen = CMSG_SPACE(n * sizeof(int)),
        };
        struct cmsghdr *c = CMSG_FIRSTHDR(&mh);

        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(n * sizeof(int));
        memcpy(CMSG_DATA(c), fds, n * sizeof(int));
        return sendmsg(socket_fd, &mh, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

int launch_go(const Launched *launched, int output_fd, int terminal_fd) {
        int executed[2], r;

        if (pipe2(executed, O_CLOEXEC) < 0) /* without it neither waits for the other */
                return send_fds(launched->status_fd, (const int[]){ output_fd, terminal_fd }, 2);
        r = send_fds(launched->status_fd, (const int[]){ output_fd, terminal_fd, executed[1] }, 3);
        safe_close(executed[1]);
        if (r >= 0) {
                struct pollfd p = { .fd = executed[0], .events = POLLIN };

                (void) poll(&p, 1, GIVE_WAY_MSEC);
        }
        safe_close(executed[0]);
        return r;
}

void launch_cancel(Launched *launched) {
        launched->status_fd = safe_close(launched->status_fd);
        if (launched->init <= 0)
                return;
        /* Without a namespace it needs time to end its descendants itself. */
        (void) kill(launched->init, launched->pid_namespace ? SIGKILL : SIGTERM);
        child_abandon(launched->init);
        launched->init = 0;
}

bool launch_has_pid_namespaces(void) {
        pid_t pid = (pid_t) syscall(SYS_clone, CLONE_NEWPID | CLONE_NEWIPC | SIGCHLD, NULL, NULL,
                                    NULL, NULL);

        if (pid == 0)
                _exit(0);
        while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
                ;
        return pid > 0;
}

int launch_receive(int status_fd, InitMessage *ret, pid_t *ret_pid) {
        struct ucred sender;
        InitMessage m;
        ssize_t n = receive_from_peer(status_fd, &m, sizeof(m), &sender);

        if (n < 0)
                return n == -EAGAIN ? 0 : (int) n;
        if (n != sizeof(m))
                return n == 0 ? -ECONNRESET : -EBADMSG;
        m.step[sizeof(m.step) - 1] = '\0';
        *ret = m;
        *ret_pid = sender.pid;
        return 1;
}
