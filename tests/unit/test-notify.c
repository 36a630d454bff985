/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-notify.c - a service manager that does not read is not waited for, and then told all. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "test.h"

#include "basic/cleanup.h"
#include "basic/time-util.h"
#include "daemon/base/notify.h"

enum {
        MANY = 2000, /* more datagrams than a queue ever holds */
};

typedef struct Manager {
        int fd;
        sd_event *event;
        char directory[32], path[sizeof(((struct sockaddr_un *) NULL)->sun_path)];
} Manager;

static int listen_at(const char *path) {
        struct sockaddr_un a = { .sun_family = AF_UNIX };
        int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

        strcpy(a.sun_path, path);
        assert(fd >= 0 && bind(fd, (struct sockaddr *) &a, sizeof(a)) >= 0);
        return fd;
}

static int setup(void **state) {
        Manager *m = calloc(1, sizeof(*m));

        assert(m);
        strcpy(m->directory, "/tmp/umld-notify.XXXXXX");
        assert(mkdtemp(m->directory));
        snprintf(m->path, sizeof(m->path), "%s/s", m->directory);
        m->fd = listen_at(m->path);
        assert(setenv("NOTIFY_SOCKET", m->path, true) >= 0);
        assert(unsetenv("WATCHDOG_USEC") >= 0 && unsetenv("WATCHDOG_PID") >= 0);
        ASSERT_OK(sd_event_new(&m->event));
        *state = m;
        return 0;
}

static int teardown(void **state) {
        Manager *m = *state;

        notify_detach();
        sd_event_unref(m->event);
        safe_close(m->fd);
        (void) unlink(m->path);
        assert(rmdir(m->directory) >= 0);
        free(m);
        return 0;
}

/* The next datagram; "" for none. */
static const char *hear(const Manager *m) {
        static char text[1024];
        ssize_t n = recv(m->fd, text, sizeof(text) - 1, 0);

        text[MAX(n, (ssize_t) 0)] = '\0';
        return text;
}

/* What others have sent fills its queue. */
static int fill(const Manager *m) {
        struct sockaddr_un a = { .sun_family = AF_UNIX };
        int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), n = 0;

        strcpy(a.sun_path, m->path);
        assert(fd >= 0 && connect(fd, (struct sockaddr *) &a, sizeof(a)) >= 0);
        while (send(fd, "x", 1, 0) > 0)
                n++;
        assert_int_equal(errno, EAGAIN);
        close(fd);
        return n;
}

static void empty(const Manager *m, int n) {
        for (int i = 0; i < n; i++)
                assert_string_equal(hear(m), "x");
}

static void run(const Manager *m) {
        while (sd_event_run(m->event, 0) > 0)
                ;
}

static void test_told_at_once(void **state) {
        Manager *m = *state;

        notify_status("preparing: x"); /* before there is an event loop */
        assert_string_equal(hear(m), "STATUS=preparing: x");
        ASSERT_OK(notify_attach(m->event));
        notify_ready();
        notify_extend_timeout(15 * USEC_PER_SEC);
        notify_stopping();
        assert_string_equal(hear(m), "READY=1");
        assert_string_equal(hear(m), "EXTEND_TIMEOUT_USEC=15000000");
        assert_string_equal(hear(m), "STOPPING=1");
        assert_string_equal(hear(m), "");
        assert_int_equal(sd_event_run(m->event, 0), 0); /* and nothing is left to do */
}

/* Nothing waits; afterwards all that still matters arrives, in order, and no status but the last.
 */
static void test_frozen(void **state) {
        usec_t began = now_usec(CLOCK_MONOTONIC);
        Manager *m = *state;
        int n;

        n = fill(m);
        notify_status("before the loop");
        ASSERT_OK(notify_attach(m->event));
        for (int i = 0; i < MANY; i++)
                notify_status(i % 2 ? "running" : "booting");
        notify_ready();
        notify_status("last");
        for (int i = 0; i < MANY; i++)
                notify_extend_timeout(USEC_PER_SEC + (usec_t) i);
        run(m); /* it must not turn and turn either */
        assert(now_usec(CLOCK_MONOTONIC) - began < 5 * USEC_PER_SEC);
        empty(m, n);
        assert_string_equal(hear(m), "");
        run(m);
        assert_string_equal(hear(m), "READY=1");
        assert_string_equal(hear(m), "STATUS=last");
        assert_string_equal(hear(m), "EXTEND_TIMEOUT_USEC=1001999");
        assert_string_equal(hear(m), "");
        notify_stopping();
        assert_string_equal(hear(m), "STOPPING=1");
}

/* A manager that stood still during several reloads is told that the last one is over. */
static void test_frozen_reloads(void **state) {
        Manager *m = *state;
        int n;

        ASSERT_OK(notify_attach(m->event));
        n = fill(m);
        for (int i = 0; i < 3; i++) {
                notify_reloading();
                notify_ready();
        }
        empty(m, n);
        run(m);
        assert_memory_equal(hear(m), "RELOADING=1\nMONOTONIC_USEC=", 27);
        assert_string_equal(hear(m), "READY=1");
        assert_string_equal(hear(m), "");
}

static void test_watchdog(void **state) {
        Manager *m = *state;
        int n;

        assert(setenv("WATCHDOG_USEC", "200000", true) >= 0);
        ASSERT_OK(notify_attach(m->event));
        assert_string_equal(hear(m), "WATCHDOG=1");
        for (int i = 0; i < 3; i++) {
                usec_t began = now_usec(CLOCK_MONOTONIC);

                assert(sd_event_run(m->event, 10 * USEC_PER_SEC) > 0);
                assert_in_range(now_usec(CLOCK_MONOTONIC) - began, 50 * USEC_PER_MSEC,
                                5 * USEC_PER_SEC);
                assert_string_equal(hear(m), "WATCHDOG=1");
        }
        n = fill(m);
        assert(sd_event_run(m->event, 10 * USEC_PER_SEC) > 0);
        assert(sd_event_run(m->event, 10 * USEC_PER_SEC) > 0);
        empty(m, n);
        run(m);
        assert_string_equal(hear(m), ""); /* what it would have said is no longer of interest */
        assert(sd_event_run(m->event, 10 * USEC_PER_SEC) > 0);
        assert_string_equal(hear(m), "WATCHDOG=1");
        notify_status("a");
        assert_string_equal(hear(m), "STATUS=a");
}

/* Somebody else's watchdog, as one that umlctl's detached umld would inherit. */
static void test_foreign_watchdog(void **state) {
        Manager *m = *state;

        assert(setenv("WATCHDOG_USEC", "200000", true) >= 0 &&
               setenv("WATCHDOG_PID", "1", true) >= 0);
        ASSERT_OK(notify_attach(m->event));
        assert_string_equal(hear(m), "");
}

static void test_another_manager(void **state) {
        Manager *m = *state;

        ASSERT_OK(notify_attach(m->event));
        notify_status("first");
        close(m->fd);
        (void) unlink(m->path);
        m->fd = listen_at(m->path);
        notify_status("second");
        assert_string_equal(hear(m), "STATUS=second");
}

static void test_gone(void **state) {
        Manager *m = *state;
        int n;

        ASSERT_OK(notify_attach(m->event));
        n = fill(m);
        assert(n > 0);
        notify_ready();
        close(m->fd);
        m->fd = -EBADF;
        run(m);
        assert_null(getenv("NOTIFY_SOCKET")); /* it was umlctl's, which has heard enough */
        notify_status("to nobody");
        assert_int_equal(sd_event_run(m->event, 0), 0);
}

static void test_strange_addresses(void **state) {
        static const char *const strange[] = { "", "/", "relative", "@", "vsock:2:3" };
        Manager *m = *state;
        char longest[sizeof(m->path) + 2];

        memset(longest, 'x', sizeof(longest) - 1);
        longest[0] = '/';
        longest[sizeof(longest) - 1] = '\0';
        for (size_t i = 0; i <= ARRAY_SIZE(strange); i++) {
                assert(setenv("NOTIFY_SOCKET", i < ARRAY_SIZE(strange) ? strange[i] : longest,
                              true) >= 0);
                notify_status("x");
        }
        assert_string_equal(hear(m), "");
}

static void test_abstract(void **state) {
        struct sockaddr_un a = { .sun_family = AF_UNIX };
        Manager *m = *state;
        char name[32];

        snprintf(name, sizeof(name), "@umld-notify-%d", (int) getpid());
        strcpy(a.sun_path, name);
        a.sun_path[0] = '\0';
        close(m->fd);
        m->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        assert(bind(m->fd, (struct sockaddr *) &a,
                    (socklen_t) (offsetof(struct sockaddr_un, sun_path) + strlen(name))) >= 0);
        assert(setenv("NOTIFY_SOCKET", name, true) >= 0);
        notify_status("x");
        assert_string_equal(hear(m), "STATUS=x");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_told_at_once, setup, teardown),
                cmocka_unit_test_setup_teardown(test_frozen, setup, teardown),
                cmocka_unit_test_setup_teardown(test_frozen_reloads, setup, teardown),
                cmocka_unit_test_setup_teardown(test_watchdog, setup, teardown),
                cmocka_unit_test_setup_teardown(test_foreign_watchdog, setup, teardown),
                cmocka_unit_test_setup_teardown(test_another_manager, setup, teardown),
                cmocka_unit_test_setup_teardown(test_gone, setup, teardown),
                cmocka_unit_test_setup_teardown(test_strange_addresses, setup, teardown),
                cmocka_unit_test_setup_teardown(test_abstract, setup, teardown),
        };

        return RUN_TESTS(tests);
}
