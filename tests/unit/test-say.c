/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-say.c - text made safe for a terminal. */

#include "test.h"

#include "basic/string-util.h"
#include "umlctl/say.h"

static void check(const char *text, size_t max, const char *expected) {
        _cleanup_free_ char *safe = safe_text(text, max);

        assert_non_null(safe);
        assert_string_equal(safe, expected);
}

static void test_safe_text(void **state) {
        check("", 10, "");
        check("plain text, 100 %", 100, "plain text, 100 %");
        check("escaped once: \\x1b", 100, "escaped once: \\x1b");
        check("\033[2J\a\r\n\t\177", 100, "\\x1b[2J\\x07\\x0d\\x0a\\x09\\x7f");
        check("cut by umld…", 100, "cut by umld…");
        check("\xc2\x9b"
              "31m",
              100, "\\xc2\\x9b31m");
        check("\xe2\x80", 100, "\\xe2\\x80"); /* a broken "…" */
        check("\xff", 100, "\\xff");
}

static void test_limit(void **state) {
        check("12345", 5, "12345");
        check("123456", 5, "12345…");
        check("12\033", 5, "12…"); /* never half an escape */
        check("123…", 5, "123…");
        check("x", 0, "…");
        check("", 0, "");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_safe_text),
                cmocka_unit_test(test_limit),
        };

        return RUN_TESTS(tests);
}
