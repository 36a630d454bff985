/* SPDX-License-Identifier: GPL-2.0-or-later */
/* filter-order.c - finds out whether ptrace comes before seccomp. */

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "basic/macro.h"
#include "basic/spawn.h"
#include "host/filter-order.h"

#ifndef PTRACE_SYSEMU
        #define PTRACE_SYSEMU 31
#endif

enum {
        NO_FILTER = 1, /* exit statuses of the child; plus the errno */
        NOT_TRACED = 0,
};

/* getppid() fails, everything else does not. */
static int refuse_one_call(void) {
        struct sock_filter code[] = {
                BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 0, 1),
                BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
                BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        };
        const struct sock_fprog filter = { ARRAY_SIZE(code), code };

        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
            prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) < 0)
                return -errno;
        return 0;
}

static int be_traced(void *userdata) {
        int r = refuse_one_call();

        if (r < 0)
                return NO_FILTER - r;
        if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0)
                return NO_FILTER + errno;
        (void) raise(SIGSTOP);
        (void) syscall(SYS_getppid);
        return NOT_TRACED;
}

/* Waits for the child's end. If the filter comes first, it gets the error and never stops at the
 * call; else it stops there, and what it does then makes no difference. A child that cannot be
 * moved on must be killed, which is not relied on otherwise: it would be waited for in vain. */
static int watch(pid_t pid) {
        bool traced = false;
        int status;

        while ((status = spawn_wait(pid)) >= 0 && WIFSTOPPED(status)) {
                traced |= WSTOPSIG(status) == SIGTRAP;
                if (ptrace(traced ? PTRACE_CONT : PTRACE_SYSEMU, pid, NULL, NULL) < 0) {
                        int r = -errno;

                        if (kill(pid, SIGKILL) >= 0)
                                (void) spawn_wait(pid);
                        return r;
                }
        }
        if (status < 0)
                return status;
        if (WIFEXITED(status) && WEXITSTATUS(status) > NO_FILTER)
                return NO_FILTER - WEXITSTATUS(status);
        return traced ? 0 : -EOPNOTSUPP;
}

int filter_order_check(void) {
        const Spawn s = { .run = be_traced, .keep_all = true, .death_signal = SIGKILL };
        pid_t pid;
        int r = spawn(&s, &pid);

        return r < 0 ? r : watch(pid);
}
