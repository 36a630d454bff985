/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-detach.c - what a detached umld says, and why it ended. */

#include <sys/wait.h>

#include "test.h"

#include "api/exit-codes.h"
#include "basic/string-util.h"
#include "umlctl/detach.h"

static void check_notification(const char *text, bool ready, const char *status) {
        _cleanup_free_ char *s = NULL;
        bool r = false;

        detach_parse_notification(text, &r, &s);
        assert_int_equal(r, ready);
        if (status)
                assert_string_equal(s, status);
        else
                assert_null(s);
}

static void test_notifications(void **state) {
        check_notification("READY=1", true, NULL);
        check_notification("STATUS=booting\nREADY=1\n", true, "booting");
        check_notification("READY=1\nSTATUS=up", true, "up");
        check_notification("STATUS=", false, "");
        check_notification("STATUS=a=b\nSTATUS=c", false, "c");
        check_notification("READY=10", false, NULL);
        check_notification("READY=0", false, NULL);
        check_notification("NOT_READY=1\nXSTATUS=x", false, NULL);
        check_notification("", false, NULL);
        check_notification("\n\n", false, NULL);
}

static void check_error(const char *log, const char *expected) {
        _cleanup_free_ char *e = detach_last_error(log);

        if (expected)
                assert_string_equal(e, expected);
        else
                assert_null(e);
}

static void test_last_error(void **state) {
        check_error("", NULL);
        check_error("2026-01-01T00:00:00.000 booting\n", NULL);
        check_error("2026-01-01T00:00:00.000 error: no kernel\n", "no kernel");
        check_error(
                "2026-01-01T00:00:00.000 error: one\n2026-01-01T00:00:00.001 error: two\nmore\n",
                "two");
        check_error("error: cannot start umld", "cannot start umld");
        /* Not a mark, but words of somebody else */
        check_error("2026-01-01T00:00:00.000 guest says error: x\n", NULL);
        check_error("xerror: y\n", NULL);
}

static void test_exit_code(void **state) {
        assert_int_equal(detach_exit_code(&(Detached){ .status = W_EXITCODE(2, 0) }), EXIT_USAGE);
        assert_int_equal(detach_exit_code(&(Detached){ .status = W_EXITCODE(4, 0) }),
                         EXIT_NO_GUEST);
        assert_int_equal(detach_exit_code(&(Detached){ .status = W_EXITCODE(77, 0) }),
                         EXIT_NOT_PERMITTED);
        assert_int_equal(detach_exit_code(&(Detached){ .status = W_EXITCODE(127, 0) }),
                         EXIT_FAILED);
        assert_int_equal(detach_exit_code(&(Detached){ .status = W_EXITCODE(0, 0) }), EXIT_FAILED);
        assert_int_equal(detach_exit_code(&(Detached){ .status = W_EXITCODE(0, 9) }), EXIT_FAILED);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_notifications),
                cmocka_unit_test(test_last_error),
                cmocka_unit_test(test_exit_code),
        };

        return RUN_TESTS(tests);
}
