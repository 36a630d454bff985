/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-xtables-lock.c - the same lock as iptables(8), waited for and given up on. */

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "private-net.h"

#include "nat/xtables-lock.h"

/* A child that keeps the lock for so many milliseconds, or until child_kill(). */
static pid_t keeper(int milliseconds) {
        int ready[2];
        char byte;
        pid_t pid;

        assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
        pid = tied_fork();
        if (pid == 0) {
                assert(xtables_lock(0) >= 0);
                assert(write(ready[1], "", 1) == 1);
                if (milliseconds > 0)
                        usleep((useconds_t) milliseconds * 1000);
                else
                        pause();
                _exit(0);
        }
        close(ready[1]);
        assert_int_equal(read(ready[0], &byte, 1), 1);
        close(ready[0]);
        return pid;
}

static void test_lock_free(void **state) {
        int fd = ASSERT_OK(xtables_lock(0));
        struct stat st;

        (void) state;
        assert_int_equal(stat("/run/xtables.lock", &st), 0);
        assert_int_equal(st.st_mode & 07777, 0600);
        assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
        /* iptables itself meets it ... */
        shell("iptables-legacy -w 1 -N X 2>/run/said; test $? -eq 4");
        shell("grep -q 'holding the xtables lock' /run/said");
        close(fd);
        /* ... and is let in when it is given back. */
        shell("iptables-legacy -N X && iptables-legacy -X X");
}

static void test_timeout(void **state) {
        pid_t pid = keeper(0);
        usec_t began = now_usec(CLOCK_MONOTONIC), took;

        (void) state;
        ASSERT_ERROR(xtables_lock(50 * USEC_PER_MSEC), ETIMEDOUT);
        took = now_usec(CLOCK_MONOTONIC) - began;
        assert_in_range(took, 50 * USEC_PER_MSEC, 2 * USEC_PER_SEC);
        ASSERT_ERROR(xtables_lock(0), ETIMEDOUT);
        child_kill(pid);
        close(ASSERT_OK(xtables_lock(0)));
}

static void test_holder(void **state) {
        char comm[16], own[16] = "";
        pid_t pid = keeper(0), holder;

        (void) state;
        assert_int_equal(prctl(PR_GET_NAME, own), 0);
        assert_int_equal(xtables_lock_holder(&holder, comm), 1);
        assert_int_equal(holder, pid);
        assert_string_equal(comm, own);
        child_kill(pid);
        assert_int_equal(xtables_lock_holder(&holder, comm), 0);
}

static void test_waits(void **state) {
        pid_t pid = keeper(100);

        (void) state;
        close(ASSERT_OK(xtables_lock(10 * USEC_PER_SEC)));
        assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void test_other_file(void **state) {
        pid_t pid = keeper(0); /* of /run/xtables.lock */

        (void) state;
        assert_int_equal(setenv("XTABLES_LOCKFILE", "/run/other.lock", 1), 0);
        close(ASSERT_OK(xtables_lock(0)));
        assert_int_equal(access("/run/other.lock", F_OK), 0);
        assert_int_equal(setenv("XTABLES_LOCKFILE", "/run/missing/lock", 1), 0);
        ASSERT_ERROR(xtables_lock(0), ENOENT);

        assert_int_equal(unsetenv("XTABLES_LOCKFILE"), 0); /* the default is that file again */
        ASSERT_ERROR(xtables_lock(0), ETIMEDOUT);
        child_kill(pid);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_lock_free),  cmocka_unit_test(test_timeout),
                cmocka_unit_test(test_holder),     cmocka_unit_test(test_waits),
                cmocka_unit_test(test_other_file),
        };

        private_net_enter();
        return RUN_TESTS(tests);
}
