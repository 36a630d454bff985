/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ptrace-try.c - how many system calls a second can be intercepted on this host? */

#include <signal.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "basic/spawn.h"
#include "host/ptrace-try.h"

#ifndef PTRACE_SYSEMU
        #define PTRACE_SYSEMU 31
#endif

enum {
        REFUSED = 1,        /* exit status of the child: plus the errno */
        CALLS_UNTIMED = 64, /* between two looks at the clock */
};

static int call_for_ever(void *userdata) {
        if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0)
                return REFUSED + errno;
        (void) raise(SIGSTOP);
        for (;;)
                (void) syscall(SYS_getppid);
}

/* Waits for the child's next stop. */
static int wait_stop(pid_t pid) {
        int status = spawn_wait(pid);

        if (status < 0)
                return status;
        if (WIFEXITED(status))
                return WEXITSTATUS(status) > REFUSED ? REFUSED - WEXITSTATUS(status) : -EPERM;
        return WIFSTOPPED(status) ? 0 : -EPERM;
}

static int count(pid_t pid, usec_t span, uint64_t *ret) {
        usec_t begin = now_usec(CLOCK_MONOTONIC), now;
        uint64_t n = 0;

        do {
                for (int i = 0; i < CALLS_UNTIMED; i++, n++) {
                        int r = ptrace((enum __ptrace_request) PTRACE_SYSEMU, pid, NULL, NULL) < 0
                                        ? -errno
                                        : wait_stop(pid);
                        if (r < 0)
                                return r;
                }
                now = now_usec(CLOCK_MONOTONIC);
        } while (now < begin + span);
        *ret = n * USEC_PER_SEC / (now - begin);
        return 0;
}

int ptrace_try(usec_t span, uint64_t *ret_per_second) {
        pid_t pid;
        int r = spawn(&(const Spawn){ .run = call_for_ever, .death_signal = SIGKILL }, &pid);

        if (r < 0)
                return r;
        r = wait_stop(pid);
        if (r >= 0)
                r = count(pid, span, ret_per_second);
        if (waitpid(pid, NULL, WNOHANG) >=
            0) { /* else it has ended, and its pid may be another's */
                (void) kill(pid, SIGKILL);
                (void) spawn_wait(pid);
        }
        return r;
}
