/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-spawn.c - what a child process begins with, and what it does not inherit. */

#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test.h"

#include "basic/fd-util.h"
#include "basic/spawn.h"
#include "basic/string-util.h"
#include "basic/time-util.h"

static int exit_of(const Spawn *s) {
        pid_t pid;

        ASSERT_OK(spawn(s, &pid));
        return spawn_wait_exit(pid);
}

static bool is_blocked(int sig) {
        sigset_t mask;

        return sigprocmask(SIG_BLOCK, NULL, &mask) == 0 && sigismember(&mask, sig) == 1;
}

static bool is_ignored(int sig) {
        struct sigaction sa;

        return sigaction(sig, NULL, &sa) == 0 && sa.sa_handler == SIG_IGN;
}

static int look_at_signals(void *userdata) {
        return is_ignored(SIGHUP) | is_blocked(SIGTERM) << 1 | is_blocked(SIGUSR1) << 2;
}

static void test_signals(void **state) {
        sigset_t term, usr1;

        sigemptyset(&term);
        sigaddset(&term, SIGTERM);
        sigemptyset(&usr1);
        sigaddset(&usr1, SIGUSR1);
        assert_true(signal(SIGHUP, SIG_IGN) != SIG_ERR);
        assert_int_equal(sigprocmask(SIG_BLOCK, &term, NULL), 0);
        assert_int_equal(exit_of(&(const Spawn){ .run = look_at_signals }), 0);
        assert_int_equal(exit_of(&(const Spawn){ .run = look_at_signals, .mask = &usr1 }), 1 << 2);
        assert_true(is_ignored(SIGHUP) && is_blocked(SIGTERM) && !is_blocked(SIGINT));
        assert_int_equal(sigprocmask(SIG_UNBLOCK, &term, NULL), 0);
        assert_true(signal(SIGHUP, SIG_DFL) == SIG_IGN);
}

/* Each descriptor is a pipe that holds one letter; "-" is /dev/null. */
static int read_letters(void *letters) {
        for (const char *l = letters; *l; l++) {
                int fd = 3 + (int) (l - (const char *) letters);
                char c = '-';

                if (read(fd, &c, 1) < 0 || c != *l)
                        return 1 + fd;
        }
        for (int fd = 3 + (int) strlen(letters); fd < 256; fd++)
                if (fcntl(fd, F_GETFD) >= 0)
                        return fd;
        return 0;
}

static int pipe_with(char letter) {
        int ends[2];

        assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
        ASSERT_OK(write_all(ends[1], &letter, 1));
        close(ends[1]);
        return ends[0];
}

/* Those that change places would overwrite each other if each were put in its place at once. */
static void test_descriptors(void **state) {
        int a = pipe_with('a'), b = pipe_with('b'), far = fcntl(a, F_DUPFD_CLOEXEC, 200);
        const int swapped[] = { 0, 1, 2, b, a, -EBADF };

        assert_int_equal(dup2(a, 3), 3);
        assert_int_equal(dup2(b, 4), 4);
        assert_int_equal(exit_of(&(const Spawn){ .run = read_letters,
                                                 .userdata = (void *) "ba-",
                                                 .fds = swapped,
                                                 .n_fds = ARRAY_SIZE(swapped) }),
                         0);
        assert_int_equal(exit_of(&(const Spawn){ .run = read_letters, .userdata = (void *) "" }),
                         0);
        close(far);
}

static int is_open(void *fd) {
        return fcntl(*(int *) fd, F_GETFD) >= 0;
}

static void test_kept(void **state) {
        int fd = fcntl(0, F_DUPFD_CLOEXEC, 100);

        assert_int_equal(exit_of(&(const Spawn){ .run = is_open, .userdata = &fd }), 0);
        assert_int_equal(exit_of(&(const Spawn){ .run = is_open, .userdata = &fd, .keep_fd = fd }),
                         1);
        assert_int_equal(
                exit_of(&(const Spawn){ .run = is_open, .userdata = &fd, .keep_all = true }), 1);
        close(fd);
}

#ifndef SYS_close_range
        #define SYS_close_range 436
#endif

enum {
        HIGHEST = 300, /* no descriptor of the test has this number */
        ALL_HELD = 77,
};

/* Linux before 5.9, where a close() of a number that cannot be open is the end. */
static int be_old(void) {
        struct sock_filter code[] = {
                BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_close_range, 0, 1),
                BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_close, 0, 3),
                BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args)),
                BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, HIGHEST, 0, 1),
                BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL),
                BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        };
        const struct sock_fprog program = { ARRAY_SIZE(code), code };

        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
                return -errno;
        return RET_NERRNO(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program));
}

static int test_old_kernel_in_child(void *userdata) {
        int far = fcntl(0, F_DUPFD_CLOEXEC, 250);

        if (far < 0 || be_old() < 0)
                return 1;
        for (int fd = 3; fd < 250; fd++) /* more than one call lists */
                if (fcntl(fd, F_GETFD) < 0 && dup2(0, fd) < 0)
                        return 2;
        if (exit_of(&(const Spawn){ .run = read_letters, .userdata = (void *) "" }) != 0)
                return 3;
        if (exit_of(&(const Spawn){ .run = is_open, .userdata = &far }) != 0)
                return 4;
        if (exit_of(&(const Spawn){ .run = is_open, .userdata = &far, .keep_fd = far }) != 1)
                return 5;
        return ALL_HELD;
}

/* Without close_range(2), only what is open is closed: the limit may be in the millions. */
static void test_old_kernel(void **state) {
        struct rlimit limit;

        assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
        assert_true(limit.rlim_cur > HIGHEST); /* else every number could be tried */
        assert_int_equal(exit_of(&(const Spawn){ .run = test_old_kernel_in_child }), ALL_HELD);
}

static int where_it_leads(void *userdata) {
        return (getsid(0) == getpid()) | (getpgrp() == getpid()) << 1;
}

static void test_groups(void **state) {
        pid_t pid;

        assert_int_equal(exit_of(&(const Spawn){ .run = where_it_leads }), 0);
        assert_int_equal(exit_of(&(const Spawn){ .run = where_it_leads, .group = true }), 2);
        assert_int_equal(exit_of(&(const Spawn){ .run = where_it_leads, .session = true }), 3);
        ASSERT_OK(spawn(&(const Spawn){ .run = where_it_leads, .group = true }, &pid));
        assert_int_equal(kill(-pid, 0), 0); /* whether or not it has begun */
        assert_int_equal(spawn_wait_exit(pid), 2);
}

/* Of a program: its environment, and where it is looked for. */
static void test_programs(void **state) {
        static char *const environment[] = { (char *) "STATUS=7", NULL };
        static char *const sh[] = { (char *) "sh", (char *) "-c",
                                    (char *) "exit ${STATUS-1}${HOME-0}", NULL };

        assert_int_equal(setenv("STATUS", "9", true), 0);
        assert_int_equal(unsetenv("HOME"), 0);
        assert_int_equal(exit_of(&(const Spawn){ .argv = sh }), 90);
        assert_int_equal(exit_of(&(const Spawn){ .program = "/bin/sh", .argv = sh }), 90);
        assert_int_equal(exit_of(&(const Spawn){ .argv = sh, .environment = environment }), 70);
}

static void report(int error, void *userdata) {
        (void) !write(*(int *) userdata, &error, sizeof(error));
}

static void test_no_program(void **state) {
        static char *const argv[] = { (char *) "no-such-program", NULL };
        int ends[2], error = 0;

        assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
        assert_int_equal(
                exit_of(&(const Spawn){ .argv = argv, .failed = report, .userdata = &ends[1] }),
                SPAWN_FAILED);
        assert_int_equal(read(ends[0], &error, sizeof(error)), sizeof(error));
        assert_int_equal(error, ENOENT);
        assert_int_equal(exit_of(&(const Spawn){ .program = "/dev/null",
                                                 .argv = argv,
                                                 .failed = report,
                                                 .userdata = &ends[1] }),
                         SPAWN_FAILED);
        assert_int_equal(read(ends[0], &error, sizeof(error)), sizeof(error));
        assert_int_equal(error, EACCES);
        close(ends[0]);
        close(ends[1]);
}

static int sleep_on(void *userdata) {
        return pause();
}

/* Starts a child that holds the pipe, and ends. */
static int leave_child(void *death_signal) {
        pid_t pid;
        int r = spawn(&(const Spawn){ .run = sleep_on,
                                      .keep_all = true,
                                      .death_signal = *(int *) death_signal },
                      &pid);

        return r < 0 || write_all(3, &pid, sizeof(pid)) < 0;
}

static void test_death_of_parent(void **state) {
        for (int lives = 0; lives <= 1; lives++) {
                int ends[2], signal = lives ? 0 : SIGKILL;
                pid_t pid = 0;

                assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
                assert_int_equal(exit_of(&(const Spawn){ .run = leave_child,
                                                         .userdata = &signal,
                                                         .fds = (const int[]){ 0, 1, 2, ends[1] },
                                                         .n_fds = 4 }),
                                 0);
                close(ends[1]);
                assert_int_equal(read(ends[0], &pid, sizeof(pid)), sizeof(pid));
                if (lives)
                        assert_int_equal(kill(pid, SIGKILL), 0);
                assert_int_equal(read(ends[0], &pid, 1), 0); /* it is gone, and the pipe with it */
                close(ends[0]);
        }
}

static void test_wait(void **state) {
        pid_t pid;

        ASSERT_OK(spawn(&(const Spawn){ .run = sleep_on }, &pid));
        assert_int_equal(kill(pid, SIGKILL), 0);
        assert_int_equal(spawn_wait_exit(pid), -EIO);
        assert_int_equal(spawn_wait(pid), -ECHILD);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_signals),
                cmocka_unit_test(test_descriptors),
                cmocka_unit_test(test_kept),
                cmocka_unit_test(test_groups),
                cmocka_unit_test(test_old_kernel),
                cmocka_unit_test(test_programs),
                cmocka_unit_test(test_no_program),
                cmocka_unit_test(test_wait),
                cmocka_unit_test(test_death_of_parent),
        };

        return RUN_TESTS(tests);
}
