/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-log.c - a message never waits for its reader. */

#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test.h"

#include "basic/cleanup.h"
#include "basic/log.h"
#include "basic/time-util.h"

enum {
        MANY = 5000, /* more than any of these holds */
};

/* All that has arrived at fd until now, and what more does until nothing more comes: what is
 * written to a terminal is passed on later, by the kernel. */
static const char *drain(int fd) {
        static char text[1 << 20];
        static size_t n = 0;
        struct pollfd p = { .fd = fd, .events = POLLIN };
        ssize_t got;

        while (n < sizeof(text) - 1 && poll(&p, 1, 50) > 0) {
                got = read(fd, text + n, sizeof(text) - 1 - n);
                assert(got > 0);
                n += (size_t) got;
        }
        text[n] = '\0';
        return text;
}

/* Standard error is theirs, and nobody reads it at ours; the last message says that all is well
 * again. In a child: what log_never_wait() opens cannot be undone. */
static void check(int ours, int theirs) {
        usec_t began = now_usec(CLOCK_MONOTONIC);
        const char *text;

        assert(dup2(theirs, STDERR_FILENO) >= 0);
        log_open("test");
        log_never_wait();
        assert(!(fcntl(STDERR_FILENO, F_GETFL) & O_NONBLOCK)); /* that is its owner's to say */
        for (int i = 0; i < MANY; i++)
                log_error("message %d, which is long enough to fill what it is written to", i);
        assert(now_usec(CLOCK_MONOTONIC) - began < 5 * USEC_PER_SEC);
        text = drain(ours);
        assert(strstr(text, "message 0,"));
        assert(!strstr(text, "message 4999,"));
        for (int i = 0; i < 100 && !strstr(text, "the end"); i++) { /* there may be no room yet */
                log_error("the end");
                text = drain(ours);
        }
        assert(strstr(text, "messages were dropped"));
        assert(strstr(text, "the end"));
        _exit(0);
}

static void check_in_child(int ours, int theirs) {
        pid_t pid = fork();
        int status;

        assert_true(pid >= 0);
        if (pid == 0) {
                alarm(60);
                check(ours, theirs);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(status, 0);
        close(ours);
        close(theirs);
}

static void test_pipe(void **state) {
        int ends[2];

        assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
        check_in_child(ends[0], ends[1]);
}

static void test_socket(void **state) {
        int ends[2];

        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
        check_in_child(ends[0], ends[1]);
}

static void test_terminal(void **state) {
        int ours = posix_openpt(O_RDWR | O_NOCTTY), theirs;

        assert_true(ours >= 0 && grantpt(ours) == 0 && unlockpt(ours) == 0);
        theirs = open(ptsname(ours), O_RDWR | O_NOCTTY);
        assert_true(theirs >= 0);
        check_in_child(ours, theirs);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_pipe),
                cmocka_unit_test(test_socket),
                cmocka_unit_test(test_terminal),
        };

        return RUN_TESTS(tests);
}
