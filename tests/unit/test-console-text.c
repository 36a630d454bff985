/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-console-text.c - what of a guest's output reaches a terminal. */

#include "test.h"

#include "basic/console-text.h"

/* At once and byte by byte: the same. */
static void check(bool utf8, const char *in, size_t size, const char *expected) {
        for (size_t step = 1; step <= size; step += size > 1 ? size - 1 : 1) {
                ConsoleText t = { .utf8 = utf8 };
                char *out = malloc(CONSOLE_TEXT_ROOM(size) + 1);
                size_t n = 0;

                assert_non_null(out);
                for (size_t i = 0; i < size; i += step)
                        n += console_text_put(&t, in + i, MIN(step, size - i), out + n);
                n += console_text_end(&t, out + n);
                out[n] = '\0';
                assert_string_equal(out, expected);
                free(out);
        }
}

#define CHECK(in, expected) check(true, in, sizeof(in) - 1, expected)

static void test_text(void **state) {
        CHECK("login: ", "login: ");
        CHECK("a\tb\nc", "a\tb\nc");
        CHECK("gr\xc3\xbc\xc3\x9f dich \xe2\x82\xac \xf0\x9f\x90\xa7",
              "gr\xc3\xbc\xc3\x9f dich \xe2\x82\xac \xf0\x9f\x90\xa7");
        check(false, "gr\xc3\xbc", 4, "gr\\xc3\\xbc");
        CHECK("back\\slash", "back\\slash");
}

static void test_sequences_go(void **state) {
        CHECK("\033[1;31mFAILED\033[0m ok", "FAILED ok");
        CHECK("\033[?25l\033[2J\033[H\033[38:5:1mx", "x");
        CHECK("\033]0;your title\007text", "text");
        CHECK("\033]8;;http://x\033\\link\033]8;;\033\\", "link");
        CHECK("\033P+q544e\033\\a", "a");
        CHECK("\033(B\033)0\033=\0337\033Mx", "x");
        CHECK("\033[5n\033[6n\033[c\033Zx", "x"); /* questions to the terminal */
}

static void test_broken_sequences_show(void **state) {
        CHECK("\033", "^[");
        CHECK("\033[31", "^[[31");
        CHECK("\033[31\nx", "^[[31\nx");
        CHECK("\033]0;never ended", "^[]0;never ended");
        CHECK("\033]0;cut\nnext", "^[]0;cut\nnext");
        CHECK("\033]0;cut\033[0mnext", "^[]0;cut^[[0mnext");
        CHECK("\033\033[0mx", "^[x");
        CHECK("\033[0\033[0mx", "^[[0x");
        CHECK("\033[\x80", "^[[\\x80");
}

static void test_endless_sequence_hides_nothing(void **state) {
        char in[1000] = "\033]0;";
        char *expected = calloc(1, 1100);

        memset(in + 4, 'x', sizeof(in) - 5);
        strcpy(expected, "^[]0;");
        memset(expected + 5, 'x', sizeof(in) - 5);
        check(true, in, sizeof(in) - 1, expected);
        free(expected);
}

static void test_control_characters(void **state) {
        CHECK("\a\b\f\v\x0e\x7f", "^G^H^L^K^N^?");
        check(true, "a\0b", 3, "a^@b");
        CHECK("line\r\nline\r\r\n", "line\nline\n");
        CHECK("line\r", "line");
        CHECK(" 10%\r 20%\r\n", " 10%^M 20%\n");
        CHECK("\r\033[Kx", "^Mx");
}

static void test_what_is_no_utf8(void **state) {
        CHECK("\xff\xfe", "\\xff\\xfe");
        CHECK("\x80", "\\x80");
        CHECK("\xc3", "\\xc3");
        CHECK("\xc3(", "\\xc3(");
        CHECK("\xc0\x80", "\\xc0\\x80");          /* NUL in disguise */
        CHECK("\xe0\x80\x80", "\\xe0\\x80\\x80"); /* another one */
        CHECK("\xed\xa0\x80", "\\xed\\xa0\\x80"); /* a surrogate */
        CHECK("\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80");
        CHECK("\xe2\x82\033[0mx", "\\xe2\\x82x");
        CHECK("\x9b\x33\x31mx", "\\x9b31mx"); /* CSI as one byte */
}

static void test_deceptive_characters(void **state) {
        CHECK("\xc2\x9b", "\\u009b"); /* CSI as a character */
        CHECK("a\xe2\x80\xae"
              "b",
              "a\\u202eb");
        CHECK("\xe2\x80\x8b", "\\u200b");
        CHECK("\xef\xbb\xbf", "\\ufeff");
        CHECK("\xf3\xa0\x81\x81", "\\U000e0041");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_text),
                cmocka_unit_test(test_sequences_go),
                cmocka_unit_test(test_broken_sequences_show),
                cmocka_unit_test(test_endless_sequence_hides_nothing),
                cmocka_unit_test(test_control_characters),
                cmocka_unit_test(test_what_is_no_utf8),
                cmocka_unit_test(test_deceptive_characters),
        };

        return RUN_TESTS(tests);
}
