/* SPDX-License-Identifier: GPL-2.0-or-later */
/* launch.c - starts umld-init, and lets it start the kernel. */

#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>

#include "basic/as-owner.h"
#include "basic/child.h"
#include "basic/cleanup.h"
#include "basic/fd-util.h"
#include "basic/peer.h"
#include "basic/spawn.h"
#include "host/cgroup-limit.h"
#include "host/init-protocol.h"
#include "host/init-store.h"
#include "host/launch.h"

/* Whatever the caller does next competes with the exec for a CPU, or for locks. */
#define GIVE_WAY_MSEC 5

typedef struct Begin {
        const Launch *launch;
        int status_fd; /* not placed yet */
} Begin;

/* Those that it begins in are for all that it starts. */
static int enter_groups(void *userdata) {
        const Begin *b = userdata;

        for (size_t i = 0; i < b->launch->n_more_cgroups; i++) {
                const struct LaunchGroup *g = &b->launch->more_cgroups[i];
                bool required = b->launch->required & CONFINE_BIT(g->layer);
                int r = cgroup_enter(g->fd);
                InitMessage m = { .type = required ? INIT_FAILED : INIT_LAYER,
                                  .error = -r,
                                  .status = (int32_t) g->layer,
                                  .step = "control group" };

                if (r >= 0)
                        continue;
                (void) !send(b->status_fd, &m, sizeof(m), MSG_NOSIGNAL);
                if (required)
                        return r;
        }
        return 0;
}

static void report_failure(int error, void *userdata) {
        InitMessage m = { .type = INIT_FAILED, .error = error, .step = "start of umld-init" };

        (void) !write(INIT_FD_STATUS, &m, sizeof(m));
}

static unsigned long namespaces_of(uint32_t layers) {
        static const struct {
                ConfineLayer layer;
                unsigned long flag;
        } each[] = {
                { CONFINE_PID_NAMESPACE, CLONE_NEWPID },
                { CONFINE_IPC_NAMESPACE, CLONE_NEWIPC },
        };
        unsigned long flags = 0;

        FOREACH_ELEMENT (e, each)
                if (layers & CONFINE_BIT(e->layer))
                        flags |= e->flag;
        return flags;
}

static int start_init(const Launch *l, char *const *argv, int status_fd, int store_fd,
                      Launched *launched) {
        static char *const no_environment[] = { NULL };
        const int fds[INIT_FD_MAX + 1] = { -EBADF,
                                           -EBADF,
                                           -EBADF,
                                           [GUEST_FD_TERMINAL] = -EBADF,
                                           [INIT_FD_STATUS] = status_fd,
                                           [INIT_FD_MOUNT_NS] = l->mount_ns_fd,
                                           [INIT_FD_NET_NS] = l->net_ns_fd,
                                           [INIT_FD_STORE] = store_fd };
        Spawn s = { .program = l->init,
                    .argv = argv,
                    .environment = no_environment,
                    .failed = report_failure,
                    .first = enter_groups,
                    .userdata = &(Begin){ l, status_fd },
                    .fds = fds,
                    .n_fds = INIT_FD_MAX + 1,
                    .session = true,
                    .namespaces = namespaces_of(l->layers),
                    .cgroup_fd = MAX(l->cgroup_fd, 0) };
        int r = spawn(&s, &launched->init);

        launched->pid_namespace = s.namespaces & CLONE_NEWPID;
        return r;
}

static int build_argv(const Launch *l, Strv *ret) {
        int r;

        if ((r = strv_push(ret, "umld-init")) < 0 ||
            (r = strv_pushf(ret, "--uid=%u", (unsigned) l->uid)) < 0)
                return r;
        if ((r = strv_pushf(ret, "--directory=%s", l->directory)) < 0)
                return r;
        if ((r = strv_pushf(ret, "--layers=%u", l->layers)) < 0 ||
            (r = strv_pushf(ret, "--required=%u", l->required)) < 0)
                return r;
        if (l->mount_ns_fd >= 0 && (r = strv_push(ret, "--mount-ns")) < 0)
                return r;
        if ((r = strv_pushf(ret, "--limits=%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64,
                            l->limits.processes, l->limits.files, l->limits.file_size,
                            l->limits.data)) < 0)
                return r;
        if (l->seccomp_log && (r = strv_push(ret, "--seccomp-log")) < 0)
                return r;
        if (l->shared_memory && (r = strv_push(ret, "--shared-memory")) < 0)
                return r;
        if (l->net_ns_fd >= 0 && (r = strv_pushf(ret, "--tap=%s", l->tap)) < 0)
                return r;
        if (l->one_cpu && (r = strv_push(ret, "--one-cpu")) < 0)
                return r;
        if (l->over_files && (r = strv_push(ret, "--over-files")) < 0)
                return r;
        if (l->service && (r = strv_push(ret, "--service")) < 0)
                return r;
        if (l->outlives && (r = strv_push(ret, "--outlive")) < 0)
                return r;
        if (l->store && (r = strv_pushf(ret, "--store=%s", l->store)) < 0)
                return r;
        for (size_t i = 0; i < l->environment->n; i++)
                if ((r = strv_pushf(ret, "--setenv=%s", l->environment->v[i])) < 0)
                        return r;
        if ((r = strv_push(ret, "--")) < 0)
                return r;
        return strv_copy(ret, l->argv);
}

static int make_pair(int *ret_ours, int *ret_theirs) {
        int pair[2], r;

        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
                return -errno;
        *ret_ours = pair[0];
        *ret_theirs = pair[1];
        r = fd_nonblock(*ret_ours, true);
        return r < 0 ? r : 0;
}

static int make_status(int *ret_ours, int *ret_theirs) {
        int r = make_pair(ret_ours, ret_theirs), on = 1;

        if (r >= 0 && setsockopt(*ret_ours, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) < 0)
                r = -errno;
        return r;
}

int launch_prepare(const Launch *l, Launched *ret) {
        _cleanup_close_ int ours = -EBADF, theirs = -EBADF, store = -EBADF, their_store = -EBADF;
        _cleanup_strv_ Strv argv = {};
        Launched launched = LAUNCHED_NONE;
        int r;

        if ((r = build_argv(l, &argv)) < 0 || (r = make_status(&ours, &theirs)) < 0 ||
            (l->store && (r = make_pair(&store, &their_store)) < 0) ||
            (r = start_init(l, argv.v, theirs, their_store, &launched)) < 0)
                return r;
        launched.status_fd = TAKE_FD(ours);
        launched.store_fd = TAKE_FD(store);
        *ret = launched;
        return 0;
}

int launch_status_again(Launched *launched) {
        _cleanup_close_ int ours = -EBADF, theirs = -EBADF;
        int r = make_status(&ours, &theirs);

        if (r >= 0)
                r = store_send(launched->store_fd, STORE_PUT, STORE_STATUS, 0, 0, theirs);
        if (r < 0)
                return r;
        safe_close(launched->status_fd);
        launched->status_fd = TAKE_FD(ours);
        return 0;
}

static_assert((int) INIT_GO_FDS_MAX <= FDS_SEND_MAX, "all go with one message");

static int send_fds(int socket_fd, const int *fds, size_t n) {
        return fds_send(socket_fd, "", 1, fds, n);
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
        launched->store_fd = safe_close(launched->store_fd);
        if (launched->init <= 0)
                return;
        /* Without a namespace it needs time to end its descendants itself. */
        (void) process_signal(launched->init, launched->pid_namespace ? SIGKILL : SIGTERM);
        child_abandon(launched->init);
        launched->init = 0;
}

static int do_nothing(void *userdata) {
        return 0;
}

int launch_try_namespaces(uint32_t layers) {
        pid_t pid;
        int r = spawn(&(const Spawn){ .run = do_nothing, .namespaces = namespaces_of(layers) },
                      &pid);

        if (r < 0)
                return r;
        r = spawn_wait_exit(pid);
        return r > 0 ? -EPERM : r;
}

int launch_receive(int status_fd, InitMessage *ret, pid_t *ret_pid) {
        struct ucred sender;
        InitMessage m;
        ssize_t n = receive_from_peer(status_fd, &m, sizeof(m), &sender);

        /* It ended before it had read the go-ahead; what it said before that is still to come. */
        if (n == -ECONNRESET)
                n = receive_from_peer(status_fd, &m, sizeof(m), &sender);
        if (n < 0)
                return n == -EAGAIN ? 0 : (int) n;
        if (n != sizeof(m))
                return n == 0 ? -ECONNRESET : -EBADMSG;
        m.step[sizeof(m.step) - 1] = '\0';
        *ret = m;
        *ret_pid = sender.pid;
        return 1;
}

void launch_acknowledge(int status_fd) {
        (void) !send(status_fd, "", 1, MSG_DONTWAIT | MSG_NOSIGNAL);
}
