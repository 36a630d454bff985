/* SPDX-License-Identifier: GPL-2.0-or-later */
/* try-calls.c - makes system calls that no guest needs, in the place of a guest's kernel, and says
 * what each gave: "NAME errno". Their arguments are such that most would fail anyhow, but with
 * another error. */

#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/ipc.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "basic/macro.h"

#define NEW_USER ((long) (CLONE_NEWUSER | SIGCHLD))

/* Their numbers are the same on every architecture; Debian 11's headers lack some. */
enum {
        IO_URING_SETUP = 425,
        PIDFD_OPEN = 434,
        CLONE3 = 435,
};

static const struct {
        const char *name;
        long number, a, b, c;
} calls[] = {
        { "socket-inet", SYS_socket, AF_INET, SOCK_STREAM, 0 },
        { "socket-inet6", SYS_socket, AF_INET6, SOCK_DGRAM, 0 },
        { "socket-netlink", SYS_socket, AF_NETLINK, SOCK_RAW, 0 },
        { "socket-vsock", SYS_socket, AF_VSOCK, SOCK_STREAM, 0 },
        { "socketpair-tipc", SYS_socketpair, AF_TIPC, SOCK_STREAM, 0 },
        { "connect", SYS_connect, -1, 0, 0 },
        { "unshare", SYS_unshare, CLONE_FILES, 0, 0 },
        { "clone-user", SYS_clone, NEW_USER, 0, 0 },
        { "setns", SYS_setns, -1, 0, 0 },
        { "io-uring", IO_URING_SETUP, 1, 0, 0 },
        { "userfaultfd", SYS_userfaultfd, -1, 0, 0 },
        { "keyctl", SYS_keyctl, -1, 0, 0 },
        { "perf", SYS_perf_event_open, 0, 0, 0 },
        { "bpf", SYS_bpf, -1, 0, 0 },
        { "shmget", SYS_shmget, IPC_PRIVATE, 4096, 0600 },
        { "semget", SYS_semget, IPC_PRIVATE, 1, 0600 },
        { "msgget", SYS_msgget, IPC_PRIVATE, 0600, 0 },
        { "inotify", SYS_inotify_init1, 0, 0, 0 },
        { "fanotify", SYS_fanotify_init, -1, 0, 0 },
        { "pidfd", PIDFD_OPEN, 1, 0, 0 },
        { "kcmp", SYS_kcmp, -1, -1, 0 },
        { "handle", SYS_open_by_handle_at, -1, 0, 0 },
        { "splice", SYS_splice, -1, 0, -1 },
        { "umount", SYS_umount2, 0, 0, 0 },
        { "setuid", SYS_setuid, 0, 0, 0 },
        { "clone3", CLONE3, 0, 0, 0 },
        /* What a kernel does need. */
        { "socket-unix", SYS_socket, AF_UNIX, SOCK_DGRAM, 0 },
        { "getppid", SYS_getppid, 0, 0, 0 },
};

/* Without libc's fork(), which may prefer another call. */
static long fork_plainly(void) {
        long pid = syscall(SYS_clone, (long) SIGCHLD, 0L, 0L, 0L, 0L);

        if (pid == 0)
                _exit(0);
        return pid < 0 || waitpid((pid_t) pid, NULL, 0) < 0 ? -1 : 0;
}

int main(void) {
        FOREACH_ELEMENT (c, calls) {
                long r = syscall(c->number, c->a, c->b, c->c, 0L, 0L);

                if (c->number == SYS_clone && r == 0)
                        _exit(0);
                printf("%s %d\n", c->name, r < 0 ? errno : 0);
        }
        printf("fork %d\n", fork_plainly() < 0 ? errno : 0);
        return 0;
}
