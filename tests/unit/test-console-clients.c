/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-console-clients.c - who types, who looks on, and who is too slow. */

#include "test.h"

#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "basic/string-util.h"
#include "daemon/console/clients.h"

static struct {
        sd_event *event;
        ConsoleClients *all;
        char input[64];
        bool refuse;
        ConsoleSize size;
        char recent[32768];
        size_t n_recent;
} t;

static bool on_input(const void *data, size_t size, void *userdata) {
        if (t.refuse)
                return false;
        assert_true(strlen(t.input) + size < sizeof(t.input));
        strncat(t.input, data, size);
        return true;
}

static void on_resized(ConsoleSize size, void *userdata) {
        t.size = size;
}

static const char *on_recent(size_t *ret_size, void *userdata) {
        *ret_size = t.n_recent;
        return t.recent;
}

static int set_up(void **state) {
        const ConsoleClientsListener listener = { .input = on_input,
                                                  .resized = on_resized,
                                                  .recent = on_recent };

        memset(&t, 0, sizeof(t));
        ASSERT_OK(sd_event_new(&t.event));
        return console_clients_new(t.event, &listener, &t.all);
}

static int tear_down(void **state) {
        console_clients_free(t.all);
        sd_event_unref(t.event);
        return 0;
}

static void run_events(void) {
        while (ASSERT_OK(sd_event_run(t.event, 0)) > 0)
                ;
}

static int attach(const char *who, bool read_only, bool force) {
        int fd = -EBADF;

        ASSERT_OK(console_clients_add(t.all, who, read_only, force,
                                      (ConsoleSize){ .rows = 5, .columns = 80 }, &fd));
        return fd;
}

/* The next packet as text, "" where there is none. */
static const char *next_packet(int fd) {
        static char buf[CONSOLE_PACKET_MAX + 1];
        ssize_t n = recv(fd, buf, sizeof(buf) - 1, MSG_DONTWAIT);

        buf[n < 0 ? 0 : n] = '\0';
        return buf;
}

static void test_input(void **state) {
        int writer = attach("a", false, false), viewer = attach("b", true, false);

        assert_string_equal(console_clients_writer(t.all), "a");
        assert_int_equal(t.size.columns, 80);
        (void) !send(writer, "ione", 4, 0);
        (void) !send(viewer, "itwo", 4, 0);
        (void) !send(writer, "xunknown", 8, 0);
        (void) !send(writer, "s\1\0\2\0", 5, 0);
        (void) !send(viewer, "s\7\0\7\0", 5, 0);
        (void) !send(writer, "s\1", 2, 0);
        run_events();
        assert_string_equal(t.input, "one");
        assert_int_equal(t.size.rows, 1);
        t.refuse = true;
        (void) !send(writer, "ithree", 6, 0);
        (void) !send(writer, "ifour", 5, 0);
        run_events();
        t.refuse = false;
        console_clients_resume(t.all);
        run_events();
        assert_string_equal(t.input, "onethreefour");
        close(writer);
        run_events();
        assert_null(console_clients_writer(t.all));
        close(viewer);
}

static void test_take_over(void **state) {
        int a = attach("a", false, false), b, fd = -EBADF;

        ASSERT_ERROR(console_clients_add(t.all, "b", false, false, (ConsoleSize){}, &fd), EBUSY);
        t.refuse = true;
        (void) !send(a, "iheld", 5, 0);
        run_events();
        b = attach("b", false, true);
        t.refuse = false;
        console_clients_resume(t.all);
        assert_string_equal(console_clients_writer(t.all), "b");
        assert_string_equal(next_packet(a), "nb has taken over the console; you may keep watching");
        (void) !send(a, "ia", 2, 0);
        (void) !send(b, "ib", 2, 0);
        run_events();
        assert_string_equal(t.input, "b");
        console_clients_end(t.all, "over");
        assert_string_equal(next_packet(a), "eover");
        assert_string_equal(next_packet(a), "");
        close(a);
        close(b);
}

static void test_replay(void **state) {
        int fd;

        strcpy(t.recent, "1\r\n2\r\n3\r\n4\r\n\033[31m5\033[6n\r\n6\r\nprompt");
        t.n_recent = strlen(t.recent);
        fd = attach("a", false, false); /* five rows */
        assert_string_equal(next_packet(fd), "o4\r\n5\r\n6\r\nprompt");
        close(fd);
}

static void test_slow(void **state) {
        int slow = attach("a", true, false);
        uint64_t total = 0, seen = 0, skipped = 0;
        const char *p;

        memset(t.recent, 'x', 1000);
        t.recent[999] = '\n';
        t.n_recent = 1000;
        for (int i = 0; i < 10000; i++, total += 1000)
                console_clients_output(t.all, t.recent, 1000);
        strcpy(t.recent, "the tail of a line\nlogin: ");
        t.n_recent = strlen(t.recent);
        console_clients_output(t.all, t.recent, t.n_recent);
        total += t.n_recent;
        for (int i = 0; i < 10000; i++) {
                run_events();
                p = next_packet(slow);
                if (p[0] == 'n')
                        assert_int_equal(
                                sscanf(p, "n%lu bytes skipped", (unsigned long *) &skipped), 1);
                else if (p[0] == 'o') {
                        seen += strlen(p) - 1;
                        if (skipped)
                                assert_string_equal(p, "ologin: ");
                }
        }
        assert_true(skipped > 0 && seen < 2000000);
        assert_int_equal(seen + skipped, total);
        console_clients_output(t.all, "on", 2);
        assert_string_equal(next_packet(slow), "oon");
        close(slow);
}

static void test_many(void **state) {
        int fds[16], fd = -EBADF;

        FOREACH_ELEMENT (f, fds)
                *f = attach("x", true, false);
        ASSERT_ERROR(console_clients_add(t.all, "y", true, false, (ConsoleSize){}, &fd), EUSERS);
        FOREACH_ELEMENT (f, fds)
                close(*f);
        run_events();
        close(attach("z", false, false));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_input, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_take_over, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_replay, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_slow, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_many, set_up, tear_down),
        };

        return RUN_TESTS(tests);
}
