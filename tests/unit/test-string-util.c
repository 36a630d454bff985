/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-string-util.c - strings, vectors, the words of a shell line, and text from strangers. */

#include "test.h"

#include "basic/string-util.h"

static void test_strfmt(void **state) {
        _cleanup_free_ char *s = strfmt("%s-%d", "a", 7), *empty = strfmt("%s", "");

        assert_string_equal(s, "a-7");
        assert_string_equal(empty, "");
}

static void test_free_and_strdup(void **state) {
        _cleanup_free_ char *s = NULL;

        ASSERT_OK(free_and_strdup(&s, "one"));
        assert_string_equal(s, "one");
        ASSERT_OK(free_and_strdup(&s, "two"));
        assert_string_equal(s, "two");
        ASSERT_OK(free_and_strdup(&s, s)); /* its own value */
        assert_string_equal(s, "two");
        ASSERT_OK(free_and_strdup(&s, NULL));
        assert_null(s);
}

static void test_strstrip(void **state) {
        char plain[] = "a b", both[] = " \t a b\r\n", blank[] = "  \n", empty[] = "";

        assert_string_equal(strstrip(plain), "a b");
        assert_string_equal(strstrip(both), "a b");
        assert_string_equal(strstrip(blank), "");
        assert_string_equal(strstrip(empty), "");
}

static void test_escape_text(void **state) {
        static const struct {
                const char *text;
                size_t len, max;
                const char *escaped;
        } cases[] = {
                { "plain text", 10, 100, "plain text" },
                { "", 0, 100, "" },
                { "end\r\n\n\0", 7, 100, "end" },
                { "\n\n", 2, 100, "" },
                { "\n\nx", 3, 100, "\\x0a\\x0ax" },
                { "a\0b", 3, 100, "a\\x00b" },
                { "\x1b[31mred\x07", 9, 100, "\\x1b[31mred\\x07" },
                { "back\\slash", 10, 100, "back\\x5cslash" },
                { "\x7f\x80\xff", 3, 100, "\\x7f\\x80\\xff" },
                { "caf\xc3\xa9", 5, 100, "caf\\xc3\\xa9" },
                { "12345", 5, 5, "12345" },
                { "123456", 6, 5, "12345…" },
                { "123\t", 4, 5, "123…" }, /* an escape is whole or not there */
                { "1\t", 2, 5, "1\\x09" },
                { "x", 1, 0, "…" },
                { "", 0, 0, "" },
        };

        FOREACH_ELEMENT (c, cases) {
                _cleanup_free_ char *s = escape_text(c->text, c->len, c->max);

                assert_string_equal(s, c->escaped);
        }
}

static void test_strv(void **state) {
        _cleanup_strv_ Strv a = { 0 }, b = { 0 }, none = { 0 };

        ASSERT_OK(strv_push(&a, "one"));
        ASSERT_OK(strv_pushf(&a, "%d", 2));
        assert_int_equal(a.n, 2);
        assert_string_equal(a.v[0], "one");
        assert_string_equal(a.v[1], "2");
        assert_null(a.v[2]);

        ASSERT_OK(strv_push(&b, "zero"));
        ASSERT_OK(strv_copy(&b, &a));
        ASSERT_OK(strv_copy(&b, &none));
        assert_int_equal(b.n, 3);
        assert_string_equal(b.v[2], "2");
        assert_ptr_not_equal(b.v[2], a.v[1]);
        assert_null(b.v[3]);

        strv_done(&a);
        assert_int_equal(a.n, 0);
        assert_null(a.v);
        strv_done(&a);
}

static void test_remedy(void **state) {
        char none[] = "it is broken;or not", one[] = "it is broken; repair it",
             two[] = "a; b is broken; repair it", ends[] = "it is broken; ";

        assert_string_equal(split_remedy(none), "");
        assert_string_equal(none, "it is broken;or not");
        assert_string_equal(split_remedy(one), "repair it");
        assert_string_equal(one, "it is broken");
        assert_string_equal(split_remedy(two), "repair it");
        assert_string_equal(two, "a; b is broken");
        assert_string_equal(split_remedy(ends), "");
        assert_string_equal(ends, "it is broken");
}

static void test_split(void **state) {
        static const struct {
                const char *text, *words[5];
        } cases[] = {
                { "", { NULL } },
                { " \t\n ", { NULL } },
                { "one", { "one" } },
                { "  one   two\tthree\n", { "one", "two", "three" } },
                { "'one two' three", { "one two", "three" } },
                { "\"one two\"", { "one two" } },
                { "a'b'\"c\"d", { "abcd" } },
                { "'' \"\"", { "", "" } },
                { "one\\ two \\' \\\\", { "one two", "'", "\\" } },
                { "'a\\b\"c'", { "a\\b\"c" } },
                { "\"a\\\"b\\\\c\\$d\\`e\"", { "a\"b\\c$d`e" } },
                { "\"a\\nb\"", { "a\\nb" } }, /* nothing special to a shell in double quotes */
                { "a\\nb", { "anb" } },
                { "\"it's\"", { "it's" } },
                { "$HOME *", { "$HOME", "*" } }, /* nothing is expanded */
        };

        FOREACH_ELEMENT (c, cases) {
                _cleanup_strv_ Strv words = { 0 };
                size_t n = 0;

                ASSERT_OK(strv_split_shell(&words, c->text));
                for (; c->words[n]; n++) {
                        assert_true(n < words.n);
                        assert_string_equal(words.v[n], c->words[n]);
                }
                assert_int_equal(words.n, n);
        }
}

static void test_split_bad(void **state) {
        static const char *const bad[] = { "'",   "\"",    "a 'b",    "a \"b",  "\\",
                                           "a\\", "\"a\\", "\"a\\\"", "'a\\'b'" };

        FOREACH_ELEMENT (b, bad) {
                _cleanup_strv_ Strv words = { 0 };

                ASSERT_ERROR(strv_split_shell(&words, *b), EINVAL);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_strfmt),    cmocka_unit_test(test_free_and_strdup),
                cmocka_unit_test(test_strstrip),  cmocka_unit_test(test_escape_text),
                cmocka_unit_test(test_strv),      cmocka_unit_test(test_split),
                cmocka_unit_test(test_split_bad), cmocka_unit_test(test_remedy),
        };

        return RUN_TESTS(tests);
}
