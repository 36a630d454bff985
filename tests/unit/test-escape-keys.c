/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-escape-keys.c - which keys reach the guest, and which detach from it. */

#include "test.h"

#include <string.h>

#include "umlctl/escape-keys.h"
#include "umlctl/raw-terminal.h"

static void check(const char *typed, const char *passed, bool detaches) {
        size_t size = strlen(typed);

        for (size_t step = 1; step <= size; step += size > 1 ? size - 1 : 1) {
                EscapeKeys k = {};
                char out[64];
                bool detach = false;
                size_t n = 0;

                for (size_t i = 0; i < size && !detach; i += step)
                        n += escape_keys_put(&k, typed + i, MIN(step, size - i), out + n, &detach);
                out[n] = '\0';
                assert_string_equal(out, passed);
                assert_int_equal(detach, detaches);
        }
}

static void test_keys(void **state) {
        check("ls\r", "ls\r", false);
        check("~.", "", true); /* the first key is at the beginning of a line */
        check("ls\r~.rest", "ls\r", true);
        check("ls ~.", "ls ~.", false);
        check("~~.\r", "~.\r", false);
        check("~x~.", "~x~.", false);
        check("~\r~.", "~\r", true);
        check("a\035\035b", "a", true);
        check("\035\035", "", true);
        check("\035x\035y", "\035x\035y", false);
        check("a\r\035~.", "a\r\035",
              true); /* Ctrl-] is no part of a line that a guest would see */
        check("a\035~.", "a\035~.", false);
        check("~\035\035", "~", true);
}

static void test_held_back(void **state) {
        EscapeKeys k = {};
        bool detach = false;
        char out[4];

        assert_int_equal(escape_keys_put(&k, "~", 1, out, &detach), 0);
        assert_int_equal(escape_keys_put(&k, "a", 1, out, &detach), 2);
        assert_memory_equal(out, "~a", 2);
        assert_false(detach);
}

static void test_modes(void **state) {
        static const struct {
                const char *printed;
                bool alternate;
        } cases[] = {
                { "", false },
                { "\033[?1049h", true },
                { "\033[?1049h\033[?1049l", false },
                { "\033[?47hx\033[?25l", true },
                { "\033\033[?1047h", true },
                { "\033[1049h\033[?1049m\033[?x1049h[?1049h", false },
                { "\033[?99999999999999999999h", false },
        };

        FOREACH_ELEMENT (c, cases) {
                TerminalModes m = {};

                for (const char *p = c->printed; *p; p++)
                        terminal_modes_watch(&m, p, 1);
                assert_int_equal(m.alternate, c->alternate);
                assert_int_equal(strstr(terminal_modes_reset(&m), "1049") != NULL, c->alternate);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_keys),
                cmocka_unit_test(test_held_back),
                cmocka_unit_test(test_modes),
        };

        return RUN_TESTS(tests);
}
