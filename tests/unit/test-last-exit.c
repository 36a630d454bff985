/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-last-exit.c - what umld leaves behind, written and read. */

#include "test.h"

#include "api/last-exit.h"
#include "basic/cleanup.h"
#include "basic/string-util.h"

static void check(const char *text, GuestState state, Verdict verdict, const char *detail,
                  usec_t when) {
        LastExit e = {};

        ASSERT_OK(last_exit_parse(text, &e));
        assert_int_equal(e.state, state);
        assert_int_equal(e.verdict, verdict);
        assert_true(e.when == when);
        if (detail)
                assert_string_equal(e.detail, detail);
        else
                assert_null(e.detail);
        last_exit_done(&e);
}

static void test_parse(void **state) {
        check("STATE=stopped\nVERDICT=poweroff\nDETAIL=the guest powered "
              "off\nWHEN=1700000000000000\n",
              GUEST_STOPPED, VERDICT_POWEROFF, "the guest powered off", 1700000000000000);
        check("STATE=failed\nVERDICT=disk\nDETAIL=a=b c\nWHEN=5", GUEST_FAILED, VERDICT_DISK,
              "a=b c", 5);
        check("DETAIL=one\nDETAIL=\n", GUEST_STOPPED, VERDICT_NONE, NULL, 0);
        check("DETAIL=one\nDETAIL=two\n", GUEST_STOPPED, VERDICT_NONE, "two", 0);
}

/* What is written is read, for every verdict. */
static void test_written(void **state) {
        for (Verdict v = 0; v < VERDICT_MAX; v++) {
                LastExit e = {};
                _cleanup_free_ char *text = NULL;

                last_exit_set(&e, v, v == VERDICT_NONE ? NULL : strdup("a=b; 50% of it"));
                e.state = GUEST_FAILED;
                text = last_exit_format(&e);
                assert_non_null(text);
                check(text, GUEST_FAILED, v, e.detail, e.when);
                last_exit_done(&e);
                assert_null(e.detail);
        }
}

/* No text makes a line of its own. */
static void test_one_line(void **state) {
        LastExit e = { .verdict = VERDICT_EXIT, .detail = (char *) "a\nVERDICT=poweroff\n" };
        _cleanup_free_ char *text = last_exit_format(&e);

        assert_non_null(text);
        check(text, GUEST_STOPPED, VERDICT_EXIT, "a VERDICT=poweroff ", 0);
}

/* A later version, or a broken disk. */
static void test_not_understood(void **state) {
        check("", GUEST_STOPPED, VERDICT_NONE, NULL, 0);
        check("\n\n=\nSTATE\n", GUEST_STOPPED, VERDICT_NONE, NULL, 0);
        check("STATE=levitating\nVERDICT=bored\nWHEN=soon\nMOOD=3\n", GUEST_STOPPED, VERDICT_NONE,
              NULL, 0);
        check("WHEN=99999999999999999999\n", GUEST_STOPPED, VERDICT_NONE, NULL, 0);
        check(" STATE=failed\nstate=failed\n", GUEST_STOPPED, VERDICT_NONE, NULL, 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_parse),
                cmocka_unit_test(test_written),
                cmocka_unit_test(test_one_line),
                cmocka_unit_test(test_not_understood),
        };

        return RUN_TESTS(tests);
}
