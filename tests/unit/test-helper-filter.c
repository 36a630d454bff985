/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-helper-filter.c - the system calls that helpers are refused, by what they need. */

#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test.h"

#include "basic/fd-util.h"
#include "basic/helper-filter.h"

enum {
        IO_URING_SETUP = 425,
        FSOPEN = 430,
        CLONE3 = 435,
        LINE = 200,
};

typedef struct Try {
        const char *name;
        long number, a, b, c;
        int errors[2]; /* for helpers without needs, and for those that have all */
} Try;

/* Their arguments are such that most would fail anyhow, but with another error. */
static const Try tries[] = {
        { "process_vm_readv", SYS_process_vm_readv, 1, 0, -1, { EPERM, EPERM } },
        { "setns", SYS_setns, -1, 0, 0, { EPERM, EPERM } },
        { "unshare", SYS_unshare, CLONE_FILES, 0, 0, { EPERM, EPERM } },
        { "fsopen", FSOPEN, 0, -1, 0, { EPERM, EPERM } },
        { "open_by_handle_at", SYS_open_by_handle_at, -1, 0, 0, { EPERM, EPERM } },
        { "bpf", SYS_bpf, -1, 0, 0, { EPERM, EPERM } },
        { "perf", SYS_perf_event_open, 0, 0, 0, { EPERM, EPERM } },
        { "userfaultfd", SYS_userfaultfd, -1, 0, 0, { EPERM, EPERM } },
        { "io_uring", IO_URING_SETUP, 1, 0, 0, { EPERM, EPERM } },
        { "keyctl", SYS_keyctl, -1, 0, 0, { EPERM, EPERM } },
        { "clone of a user namespace",
          SYS_clone,
          (long) (CLONE_NEWUSER | SIGCHLD),
          0,
          0,
          { EPERM, EPERM } },
        { "clone3", CLONE3, 0, 0, 0, { ENOSYS, ENOSYS } },
        { "execve", SYS_execve, (long) "/nowhere", 0, 0, { EPERM, ENOENT } },
        { "socket of AF_INET", SYS_socket, AF_INET, SOCK_STREAM, 0, { EPERM, 0 } },
        { "socket of AF_NETLINK", SYS_socket, AF_NETLINK, SOCK_RAW, 0, { EPERM, 0 } },
        { "socket of AF_VSOCK", SYS_socket, AF_VSOCK, SOCK_STREAM, 0, { EPERM, EPERM } },
        { "pair of AF_TIPC", SYS_socketpair, AF_TIPC, SOCK_STREAM, 0, { EPERM, EPERM } },
        { "socket of AF_UNIX", SYS_socket, AF_UNIX, SOCK_STREAM, 0, { 0, 0 } },
        { "getppid", SYS_getppid, 0, 0, 0, { 0, 0 } },
#ifdef __x86_64__
        { "x32", 0x40000000 | SYS_getppid, 0, 0, 0, { EPERM, EPERM } },
#endif
};

/* Only what is allowed to it itself. */
static _Noreturn void try_all(unsigned needs, int which) {
        char line[LINE];

        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || helper_filter_apply(needs) < 0)
                _exit(2);
        FOREACH_ELEMENT (t, tries) {
                int error = syscall(t->number, t->a, t->b, t->c, 0L, 0L) < 0 ? errno : 0;

                if (error == t->errors[which])
                        continue;
                snprintf(line, sizeof(line), "# %s: %s\n", t->name, strerror(error));
                (void) !write(STDOUT_FILENO, line, strlen(line));
                _exit(1);
        }
        _exit(0);
}

static void check(unsigned needs, int which) {
        int status;
        pid_t pid = fork();

        if (pid == 0)
                try_all(needs, which);
        assert_true(pid > 0);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(status, 0);
}

static void test_needs(void **state) {
        check(0, 0);
        check(HELPER_SOCKETS | HELPER_PROGRAMS, 1);
}

#ifdef __x86_64__
/* What another architecture has under the same numbers: there 20 is getpid() and 102 socketcall(),
 * by which all sockets are made. A kernel without that architecture sends SIGSEGV. */
static void test_other_architecture(void **state) {
        static const int numbers[] = { 20, 102 };

        FOREACH_ELEMENT (number, numbers) {
                int status;
                pid_t pid = fork();

                if (pid == 0) {
                        long answer = *number;

                        (void) signal(SIGSEGV, SIG_DFL);
                        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
                            helper_filter_apply(HELPER_SOCKETS | HELPER_PROGRAMS) < 0)
                                _exit(2);
                        __asm__ volatile("int $0x80"
                                         : "+a"(answer)
                                         : "b"(0L), "c"(0L)
                                         : "memory", "r8", "r9", "r10", "r11");
                        _exit(answer == -EPERM ? 0 : 1);
                }
                assert_int_equal(waitpid(pid, &status, 0), pid);
                assert_true(status == 0 || (WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV));
        }
}
#endif

/* A process can fork and execute programs under it. */
static void test_programs(void **state) {
        int status;
        pid_t pid = fork();

        if (pid == 0) {
                if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
                    helper_filter_apply(HELPER_PROGRAMS) < 0)
                        _exit(2);
                (void) execl("/bin/sh", "sh", "-c", "exit $(echo 3 | cat)", (char *) NULL);
                _exit(2);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(status, 3 << 8);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_needs),
                cmocka_unit_test(test_programs),
#ifdef __x86_64__
                cmocka_unit_test(test_other_architecture),
#endif
        };

        return RUN_TESTS(tests);
}
