/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-console-journal.c - messages that a journal gets of a guest's console. */

#include "test.h"

#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "basic/fd-util.h"
#include "basic/file-util.h"
#include "basic/string-util.h"
#include "daemon/console/journal.h"

static char *directory, *path;
static int journal = -EBADF;

static void listen_again(void) {
        struct sockaddr_un sa = { .sun_family = AF_UNIX };

        safe_close(journal);
        (void) unlink(path);
        journal = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        assert_true(journal >= 0);
        strcpy(sa.sun_path, path);
        ASSERT_OK(bind(journal, (struct sockaddr *) &sa, sizeof(sa)));
}

static int set_up(void **state) {
        directory = strdup("/tmp/umld-test-XXXXXX");
        assert_non_null(mkdtemp(directory));
        path = strfmt("%s/socket", directory);
        return 0;
}

static int tear_down(void **state) {
        journal = safe_close(journal);
        (void) rm_rf(directory);
        free(directory);
        free(path);
        return 0;
}

static void put(ConsoleJournal *j, const char *text) {
        console_journal_write(j, text, strlen(text));
}

/* The MESSAGE of the next datagram, NULL: there is none. */
static const char *next_message(void) {
        static char buf[32768];
        ssize_t n = recv(journal, buf, sizeof(buf) - 1, 0);
        char *message;

        if (n < 0)
                return NULL;
        buf[n] = '\0';
        assert_true(startswith(buf,
                               "PRIORITY=6\nSYSLOG_IDENTIFIER=umld@web\nUMLD_GUEST=web\nMESSAGE="));
        message = strstr(buf, "MESSAGE=") + 8;
        assert_int_equal(buf[n - 1], '\n');
        buf[n - 1] = '\0';
        assert_null(strchr(message, '\n')); /* else the guest could add fields */
        return message;
}

static void expect(const char *message) {
        const char *seen = next_message();

        assert_non_null(seen);
        assert_string_equal(seen, message);
}

static void test_messages(void **state) {
        ConsoleJournal *j = NULL;

        listen_again();
        ASSERT_OK(console_journal_new(path, "web", &j));
        put(j, "one\r\n\n\033[1mtwo\033[0m\xff\nlogin: ");
        expect("one");
        expect("two\\xff");
        assert_null(next_message());
        console_journal_finish(j);
        expect("login: ");
        console_journal_finish(j);
        assert_null(next_message());
        listen_again(); /* it was restarted */
        put(j, "again\n");
        expect("again");
        console_journal_free(j);
}

static void test_long_line(void **state) {
        ConsoleJournal *j = NULL;
        size_t total = 0;

        listen_again();
        ASSERT_OK(console_journal_new(path, "web", &j));
        for (int i = 0; i < 1000; i++)
                put(j, "four");
        put(j, "\n");
        for (const char *m; (m = next_message());)
                total += strlen(m);
        assert_int_equal(total, 4000);
        console_journal_free(j);
}

/* Nobody reads: nothing waits, and how much was lost is told later. */
static void test_slow_journal(void **state) {
        ConsoleJournal *j = NULL;
        int n = 0;

        ASSERT_OK(console_journal_new(path, "web", &j));
        put(j, "nobody is there yet\n");
        listen_again();
        for (int i = 0; i < 10000; i++)
                put(j, "line\n");
        while (next_message())
                n++;
        assert_true(n > 1 && n < 10000);
        put(j, "after\n");
        {
                const char *lost = next_message();

                assert_non_null(lost);
                assert_non_null(
                        strstr(lost, "were dropped because the journal did not accept them"));
        }
        expect("after");
        assert_null(next_message());
        console_journal_free(j);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_messages, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_long_line, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_slow_journal, set_up, tear_down),
        };

        return RUN_TESTS(tests);
}
