/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-xtables-lock.c - the same lock as iptables(8), tried, and who holds it. */

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include "private-net.h"

#include "basic/time-util.h"

#include "host/file-lock.h"
#include "nat/xtables-lock.h"

static void keep_lock(const void *userdata) {
        assert(xtables_lock() >= 0);
}

static void test_lock_free(void **state) {
        int fd = ASSERT_OK(xtables_lock());
        struct stat st;

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

static void test_taken(void **state) {
        pid_t pid = child_that_stays(keep_lock, NULL);
        usec_t began = now_usec(CLOCK_MONOTONIC);

        for (int i = 0; i < 10; i++)
                ASSERT_ERROR(xtables_lock(), EAGAIN);
        assert_true(now_usec(CLOCK_MONOTONIC) - began < 200 * USEC_PER_MSEC);
        child_kill(pid);
        close(ASSERT_OK(xtables_lock()));
}

static void test_holder(void **state) {
        char comm[16], own[16] = "";
        pid_t pid = child_that_stays(keep_lock, NULL), holder;

        assert_int_equal(prctl(PR_GET_NAME, own), 0);
        assert_int_equal(file_lock_holder(xtables_lock_file(), &holder, comm), 1);
        assert_int_equal(holder, pid);
        assert_string_equal(comm, own);
        child_kill(pid);
        assert_int_equal(file_lock_holder(xtables_lock_file(), &holder, comm), 0);
}

static void test_other_file(void **state) {
        pid_t pid = child_that_stays(keep_lock, NULL); /* of /run/xtables.lock */

        assert_int_equal(setenv("XTABLES_LOCKFILE", "/run/other.lock", 1), 0);
        close(ASSERT_OK(xtables_lock()));
        assert_int_equal(access("/run/other.lock", F_OK), 0);
        assert_int_equal(setenv("XTABLES_LOCKFILE", "/run/missing/lock", 1), 0);
        ASSERT_ERROR(xtables_lock(), ENOENT);

        assert_int_equal(unsetenv("XTABLES_LOCKFILE"), 0); /* the default is that file again */
        ASSERT_ERROR(xtables_lock(), EAGAIN);
        child_kill(pid);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_lock_free),
                cmocka_unit_test(test_taken),
                cmocka_unit_test(test_holder),
                cmocka_unit_test(test_other_file),
        };

        private_net_enter();
        return RUN_TESTS(tests);
}
