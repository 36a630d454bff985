/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-progress.c - the line of progress fits into its terminal. */

#include "test.h"

#include "basic/string-util.h"
#include "umlctl/progress.h"

static void check(const char *text, usec_t elapsed, size_t width, const char *expected) {
        _cleanup_free_ char *line = progress_line("web", text, elapsed, width);

        assert_non_null(line);
        assert_string_equal(line, expected);
}

static void test_line(void **state) {
        check("booting", 3 * USEC_PER_SEC + 456, 80, "web: booting (3s)");
        check(NULL, 90 * USEC_PER_SEC, 80, "web: waiting (1min 30s)");
        check("\033[2J\n", USEC_PER_SEC, 80, "web: \\x1b[2J\\x0a (1s)");
        check("0123456789", USEC_PER_SEC, 20, "web: 01234567… (1s)");
        check("0123456789", USEC_PER_SEC, 1, "… (1s)");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_line),
        };

        return RUN_TESTS(tests);
}
