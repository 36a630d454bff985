/* SPDX-License-Identifier: GPL-2.0-or-later */
/* umld-init.c - umld-init, the tiny process between umld and a guest's kernel.
 *
 * It is pid 1 of the guest's PID namespace or, on a host without those, a child subreaper. Either
 * way every process that the kernel ever creates is its descendant, and it ends only when they have
 * ended: in a namespace the host's kernel takes care of that, else process_kill_children() does. A
 * UML kernel itself must not be pid 1: abort() is ignored there, so a panic would loop forever.
 *
 * If umld dies before it has left anything with us (store.h), or with AdoptTimeout=0, we die too,
 * and with us the guest. Otherwise we wait for the next umld: no guest runs unsupervised for longer
 * than AdoptTimeout=. That of a relay has no store: it ends when neither an umld nor the guest's
 * umld-init still has the other end of our socket. */

#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>

#include "basic/cleanup.h"
#include "basic/fd-util.h"
#include "basic/helper-filter.h"
#include "basic/parse-util.h"
#include "basic/process.h"
#include "basic/spawn.h"
#include "daemon/programs/init-layers.h"
#include "daemon/programs/supervise.h"

/* ---- in the process of the kernel ---- */

/* Waits for the go-ahead of umld. false: umld is dead, or has closed the socket. */
static bool wait_for_go(int ret_fds[static INIT_GO_FDS]) {
        union {
                struct cmsghdr align;
                char buf[CMSG_SPACE(INIT_GO_FDS_MAX * sizeof(int))];
        } control;
        char c;
        struct iovec iov = { .iov_base = &c, .iov_len = 1 };
        struct msghdr mh = { .msg_iov = &iov,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = sizeof(control) };
        struct cmsghdr *header;
        ssize_t n;

        while ((n = recvmsg(INIT_FD_STATUS, &mh, MSG_CMSG_CLOEXEC)) < 0 && errno == EINTR)
                ;
        header = n == 1 ? CMSG_FIRSTHDR(&mh) : NULL;
        if (!header || header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS ||
            header->cmsg_len < CMSG_LEN(INIT_GO_FDS * sizeof(int)))
                return false;
        memcpy(ret_fds, CMSG_DATA(header), INIT_GO_FDS * sizeof(int));
        return true;
}

/* All the fixed ones are open, so these descriptors from umld are above them. */
static int place_descriptors(const int fds[static INIT_GO_FDS]) {
        if (dup2(fds[0], STDOUT_FILENO) < 0 || dup2(fds[0], STDERR_FILENO) < 0 ||
            dup2(fds[1], GUEST_FD_TERMINAL) < 0)
                return -errno;
        return 0;
}

/* As required by sd_listen_fds(3); only we know the pid. */
static void announce_socket(InitOptions *o) {
        static char pid[32];

        snprintf(pid, sizeof(pid), "LISTEN_PID=%d", getpid());
        o->environment[o->n_environment++] = pid;
        o->environment[o->n_environment++] = (char *) "LISTEN_FDS=1";
}

static void close_namespaces(void) {
        safe_close(INIT_FD_MOUNT_NS);
        safe_close(INIT_FD_NET_NS);
}

/* Prepares everything for the exec before the go-ahead, so that a guest that died is restarted
 * faster. */
static int run_kernel(void *userdata) {
        InitOptions *o = userdata;
        int fds[INIT_GO_FDS], r;

        if (o->store)
                safe_close(INIT_FD_STORE);
        init_layers_apply(o);
        (void) fd_cloexec(INIT_FD_STATUS, true);
        if (o->service)
                announce_socket(o);
        if (!wait_for_go(fds))
                return 0;
        r = place_descriptors(fds);
        if (r < 0)
                init_fail(-r, "set-up of descriptors");
        close_namespaces();
        init_last_layers_apply(o);
        init_report(INIT_STARTING, 0, 0, "");
        execve(o->argv[0], o->argv, (char *const *) o->environment);
        init_fail(errno, o->service ? "exec of the program" : "exec of the kernel");
}

/* ---- in umld-init ---- */

static int parse_options(int argc, char **argv, InitOptions *ret) {
        static const struct option options[] = {
                { "uid", required_argument, NULL, 'u' },
                { "directory", required_argument, NULL, 'd' },
                { "mount-ns", no_argument, NULL, 'm' },
                { "one-cpu", no_argument, NULL, 'c' },
                { "over-files", no_argument, NULL, 'f' },
                { "limits", required_argument, NULL, 'x' },
                { "seccomp-log", no_argument, NULL, 'L' },
                { "shared-memory", no_argument, NULL, 'h' },
                { "service", no_argument, NULL, 's' },
                { "setenv", required_argument, NULL, 'e' },
                { "tap", required_argument, NULL, 't' },
                { "layers", required_argument, NULL, 'l' },
                { "required", required_argument, NULL, 'r' },
                { "store", required_argument, NULL, 'S' },
                { "outlive", no_argument, NULL, 'o' },
                {},
        };
        uint64_t uid;
        int c;

        while ((c = getopt_long(argc, argv, "+", options, NULL)) >= 0) {
                if (c == 'u' && parse_unsigned(optarg, 0, UINT32_MAX - 1, &uid) >= 0)
                        ret->uid = (uid_t) uid;
                else if (c == 'd')
                        ret->directory = optarg;
                else if (c == 't')
                        ret->tap = optarg;
                else if (c == 'S')
                        ret->store = optarg;
                else if (c == 'm')
                        ret->mount_ns = true;
                else if (c == 'c')
                        ret->one_cpu = true;
                else if (c == 'f')
                        ret->over_files = true;
                else if (c == 'x' && sscanf(optarg, "%" SCNu64 ",%" SCNu64 ",%" SCNu64 ",%" SCNu64,
                                            &ret->limits.processes, &ret->limits.files,
                                            &ret->limits.file_size, &ret->limits.data) == 4)
                        continue;
                else if (c == 'L')
                        ret->seccomp_log = true;
                else if (c == 'h')
                        ret->shared_memory = true;
                else if (c == 's')
                        ret->service = true;
                else if (c == 'o')
                        ret->outlive = true;
                else if (c == 'e' && ret->n_environment < ENVIRONMENT_MAX)
                        ret->environment[ret->n_environment++] = optarg;
                else if (strchr("lr", c) &&
                         parse_unsigned(optarg, 0, UINT32_MAX,
                                        c == 'l' ? &ret->layers : &ret->required) >= 0)
                        continue;
                else
                        return -EINVAL;
        }
        ret->argv = argv + optind;
        return optind < argc && ret->directory ? 0 : -EINVAL;
}

/* From now on it dies with umld; one that is already dead has closed its end of the socket. With a
 * store the supervisor sees to that, after it has read what umld may have left with us before. */
static int follow_umld(const InitOptions *o, bool namespaced) {
        struct pollfd p = { .fd = INIT_FD_STATUS };

        if (o->store)
                return 0;
        if (!o->outlive && prctl(PR_SET_PDEATHSIG, namespaced ? SIGKILL : SIGTERM, 0, 0, 0) < 0)
                return -errno;
        if (poll(&p, 1, 0) < 0)
                return -errno;
        return p.revents & POLLHUP ? -EPIPE : 0;
}

/* The socket over which the kernel asks for its tap. */
static int make_broker(InitOptions *o, TunBroker *broker) {
        int pair[2];

        *broker = (TunBroker){ .fd = -EBADF, .attached = -EBADF, .tap = o->tap };
        if (!o->tap)
                return 0;
        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
                return -errno;
        broker->fd = fcntl(pair[0], F_DUPFD_CLOEXEC, GUEST_FD_TUN + 1);
        o->tun_fd = fcntl(pair[1], F_DUPFD_CLOEXEC, GUEST_FD_TUN + 1);
        safe_close(pair[0]);
        safe_close(pair[1]);
        return broker->fd < 0 || o->tun_fd < 0 ? -EMFILE : 0;
}

static int make_signals(void) {
        sigset_t wanted;

        sigemptyset(&wanted);
        sigaddset(&wanted, SIGCHLD);
        sigaddset(&wanted, SIGTERM);
        (void) sigprocmask(SIG_BLOCK, &wanted, NULL);
        return RET_NERRNO(signalfd(-1, &wanted, SFD_NONBLOCK | SFD_CLOEXEC));
}

/* It listens to the guest's kernel and no longer starts anything. It stays root, to open the tap.
 */
static void confine_self(const InitOptions *o) {
        if (!(o->layers & CONFINE_BIT(CONFINE_SECCOMP)))
                return;
        (void) prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        (void) helper_filter_apply(0);
}

int main(int argc, char **argv) {
        bool namespaced = getpid() == 1;
        InitOptions o = {};
        static Store store;
        TunBroker broker;
        Supervised s = { .namespaced = namespaced, .broker = &broker, .store = &store };
        int r;

        r = parse_options(argc, argv, &o);
        if (r < 0) {
                fprintf(stderr, "umld-init is run by umld(8) and is of no use by itself\n");
                return 2;
        }
        s.outlives = o.outlive;
        r = s.signal_fd = make_signals();
        if (r >= 0)
                r = make_broker(&o, &broker);
        if (r >= 0)
                r = follow_umld(&o, namespaced);
        if (r >= 0 && !namespaced)
                r = RET_NERRNO(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0));
        if (r < 0) {
                init_report(INIT_FAILED, -r, -1, "set-up of umld-init");
                return 1;
        }
        r = spawn(&(const Spawn){ .run = run_kernel, .userdata = &o, .keep_all = true }, &s.kernel);
        if (r < 0) {
                init_report(INIT_FAILED, -r, -1, "fork of the kernel");
                return 1;
        }
        close_namespaces();
        if (o.tap)
                safe_close(o.tun_fd);
        store_begin(&store, o.store, namespaced);
        confine_self(&o);
        supervise(&s);
        /* In a pid namespace the host's kernel does this as part of our exit. */
        if (!namespaced)
                (void) process_kill_children(UINT64_MAX);
        return 0;
}
