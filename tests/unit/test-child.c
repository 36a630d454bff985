/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-child.c - children are looked at, and none keeps us. */

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test.h"

#include "basic/child.h"
#include "basic/fd-util.h"

#define PATIENCE  (500 * USEC_PER_MSEC)
#define LOOKS_MIN 3 /* in that time, of thousands: one that waits for the child is the only one */

static int wish_start(Child *c, int (*run)(int, void *), void *userdata, usec_t patience) {
        return child_start(
                c, &(const ChildWish){
                           .run = run, .userdata = userdata, .patience = patience, .keep = 16 });
}

static int say(int output, void *text) {
        return write_all(output, text, strlen(text)) < 0 ? 1 : 7;
}

static void test_words_and_status(void **state) {
        Child c = {};

        assert_false(child_there(&c));
        ASSERT_OK(wish_start(&c, say, (char *) "hello", 10 * USEC_PER_SEC));
        assert_true(child_there(&c));
        assert_int_equal(child_wait(&c), 1);
        assert_string_equal(c.said, "hello");
        assert_false(c.overflow);
        assert_true(c.status_known && WIFEXITED(c.status));
        assert_int_equal(WEXITSTATUS(c.status), 7);
        assert_int_equal(child_poll(&c), 1); /* it stays ended */
        child_done(&c);
        assert_false(child_there(&c));
}

/* More than a pipe holds, and than is kept. */
static int talk(int output, void *userdata) {
        static char chunk[65536];

        memset(chunk, 'x', sizeof(chunk));
        for (int i = 0; i < 64; i++)
                if (write_all(output, chunk, sizeof(chunk)) < 0)
                        return 1;
        return 0;
}

static void test_much(void **state) {
        Child c = {};

        ASSERT_OK(wish_start(&c, talk, NULL, 30 * USEC_PER_SEC));
        assert_int_equal(child_wait(&c), 1);
        assert_string_equal(c.said, "xxxxxxxxxxxxxxxx");
        assert_true(c.overflow);
        assert_int_equal(c.status, 0);
        child_done(&c);
}

static int sleep_on(int output, void *userdata) {
        pause();
        return 0;
}

static int close_and_sleep(int output, void *userdata) {
        close(output);
        return sleep_on(output, userdata);
}

/* Ends, but not all who have its output do. */
static int leave_somebody(int output, void *userdata) {
        return fork() == 0 ? sleep_on(output, userdata) : 0;
}

static int talk_for_ever(int output, void *userdata) {
        while (talk(output, userdata) == 0)
                ;
        return 1;
}

static void test_patience(void **state) {
        static int (*const runs[])(int, void *) = { sleep_on, close_and_sleep, leave_somebody,
                                                    talk_for_ever };

        FOREACH_ELEMENT (run, runs) {
                usec_t began = now_usec(CLOCK_MONOTONIC);
                unsigned looks = 0;
                Child c = {};
                int r;

                ASSERT_OK(child_start(&c, &(const ChildWish){ .run = *run,
                                                              .patience = PATIENCE,
                                                              .keep = 16,
                                                              .session = true }));
                while ((r = child_poll(&c)) == 0)
                        looks++;
                assert_in_range(looks, LOOKS_MIN, UINT_MAX);
                assert_int_equal(r, -ETIMEDOUT);
                assert_true(now_usec(CLOCK_MONOTONIC) - began >= PATIENCE);
                child_done(&c);
        }
}

static bool any_child(void) {
        siginfo_t si;

        return waitid(P_ALL, 0, &si, WEXITED | WNOHANG | WNOWAIT) == 0;
}

static void test_killed(void **state) {
        usec_t end = now_usec(CLOCK_MONOTONIC) + 10 * USEC_PER_SEC;
        Child c = {};

        ASSERT_OK(wish_start(&c, sleep_on, NULL, USEC_INFINITY));
        assert_int_equal(child_poll(&c), 0);
        child_end(&c);
        assert_int_equal(child_wait(&c), 1);
        assert_true(WIFSIGNALED(c.status));
        child_done(&c);

        /* The same in one, and collected when it has come to that. */
        ASSERT_OK(wish_start(&c, sleep_on, NULL, USEC_INFINITY));
        child_done(&c);
        while (any_child() && now_usec(CLOCK_MONOTONIC) < end)
                (void) children_collect();
        assert_false(any_child());
}

/* What it must not keep open beside what it needs. */
static int count_descriptors(int output, void *kept) {
        unsigned char n = 0;

        for (int fd = STDERR_FILENO + 1; fd < 256; fd++)
                n += fcntl(fd, F_GETFD) >= 0 && fd != output && fd != *(int *) kept;
        n += fcntl(*(int *) kept, F_GETFD) < 0;
        return write_all(output, &n, 1) < 0;
}

static void test_descriptors(void **state) {
        int some[] = { dup(0), dup(0), dup(0) }, kept = dup(0), above = fcntl(0, F_DUPFD, 100);
        Child c = {};

        close(some[1]);
        ASSERT_OK(child_start(&c, &(const ChildWish){ .run = count_descriptors,
                                                      .userdata = &kept,
                                                      .patience = 10 * USEC_PER_SEC,
                                                      .keep = 1,
                                                      .fd = kept }));
        assert_int_equal(child_wait(&c), 1);
        assert_int_equal(c.n_said, 1);
        assert_int_equal(c.said[0], 0);
        child_done(&c);
        close(some[0]);
        close(some[2]);
        close(kept);
        close(above);
}

static void test_collected_by_others(void **state) {
        Child c = {};

        assert_true(signal(SIGCHLD, SIG_IGN) != SIG_ERR);
        ASSERT_OK(wish_start(&c, say, (char *) "x", 10 * USEC_PER_SEC));
        assert_int_equal(child_wait(&c), 1);
        assert_false(c.status_known);
        assert_string_equal(c.said, "x");
        child_done(&c);
        assert_true(signal(SIGCHLD, SIG_DFL) == SIG_IGN);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_words_and_status), cmocka_unit_test(test_much),
                cmocka_unit_test(test_patience),         cmocka_unit_test(test_killed),
                cmocka_unit_test(test_descriptors),      cmocka_unit_test(test_collected_by_others),
        };

        return RUN_TESTS(tests);
}
