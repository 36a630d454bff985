/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-umlctl-last-exit.c - reading what umld left behind. */

#include "test.h"

#include "umlctl/last-exit.h"

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
        (void) state;
        check("STATE=stopped\nVERDICT=poweroff\nDETAIL=the guest powered "
              "off\nWHEN=1700000000000000\n",
              GUEST_STOPPED, VERDICT_POWEROFF, "the guest powered off", 1700000000000000);
        check("STATE=failed\nVERDICT=disk\nDETAIL=a=b c\nWHEN=5", GUEST_FAILED, VERDICT_DISK,
              "a=b c", 5);
        check("DETAIL=one\nDETAIL=\n", GUEST_STOPPED, VERDICT_NONE, NULL, 0);
        check("DETAIL=one\nDETAIL=two\n", GUEST_STOPPED, VERDICT_NONE, "two", 0);
}

/* A later version, or a broken disk. */
static void test_not_understood(void **state) {
        (void) state;
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
                cmocka_unit_test(test_not_understood),
        };

        return RUN_TESTS(tests);
}
