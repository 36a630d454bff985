/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Has init been executed, by what a kernel says is the name of process 1? */

#include "test.h"

#include "daemon/watch/init.h"

static bool executed(const char *text) {
        return init_was_executed(text, strlen(text));
}

static void test_names(void **state) {
        (void) state;
        assert_false(executed(""));
        assert_false(executed("\n"));
        assert_false(executed("\nswapper\n"));
        assert_false(executed("swapper/0\n"));
        assert_true(executed("\ninit\n"));
        assert_true(executed("systemd\n"));
        assert_true(executed("\nsh\n"));
        assert_true(executed("swap\n"));
}

static void test_cut_off(void **state) {
        static const char text[] = "\nswapper/0\n";

        (void) state;
        for (size_t n = 0; n < sizeof(text); n++) /* any bytes, without a NUL behind them */
                (void) init_was_executed(text, n);
        assert_false(init_was_executed("\0\0\0", 3));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_names),
                cmocka_unit_test(test_cut_off),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
