/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fuzz-console-text.c - whatever a guest prints: only text comes out, of bounded size, and the same
 * however it was cut into pieces. */

#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "basic/cleanup.h"
#include "basic/console-text.h"

/* Nothing that a terminal would act upon. */
static void check_text(const unsigned char *s, size_t n, bool utf8) {
        for (size_t i = 0; i < n; i++) {
                assert(s[i] >= ' ' || s[i] == '\n' || s[i] == '\t');
                assert(s[i] != 0x7f);
                assert(utf8 || s[i] < 0x80);
                /* A control character of 8 bits, as UTF-8 */
                assert(!(s[i] == 0xc2 && i + 1 < n && s[i + 1] < 0xa0));
        }
}

/* Whole characters only. */
static void check_utf8(const unsigned char *s, size_t n) {
        for (size_t i = 0; i < n;) {
                size_t len = s[i] < 0x80   ? 1
                             : s[i] < 0xc2 ? 0
                             : s[i] < 0xe0 ? 2
                             : s[i] < 0xf0 ? 3
                                           : 4;

                assert(len > 0 && s[i] < 0xf5 && i + len <= n);
                for (size_t k = 1; k < len; k++)
                        assert(s[i + k] >= 0x80 && s[i + k] < 0xc0);
                i += len;
        }
}

static size_t run(const uint8_t *data, size_t size, bool utf8, size_t step, char *out) {
        ConsoleText t = { .utf8 = utf8 };
        size_t n = 0;

        for (size_t i = 0; i < size; i += step) {
                n += console_text_put(&t, data + i, MIN(step, size - i), out + n);
                assert(n <= CONSOLE_TEXT_GROWTH * MIN(i + step, size));
        }
        n += console_text_end(&t, out + n);
        assert(n <= CONSOLE_TEXT_GROWTH * size);
        check_text((unsigned char *) out, n, utf8);
        check_utf8((unsigned char *) out, n);
        return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        size_t room = CONSOLE_TEXT_ROOM(size);
        _cleanup_free_ char *whole = malloc(room), *pieces = malloc(room);

        assert(whole && pieces);
        for (int utf8 = 0; utf8 < 2; utf8++) {
                size_t n = run(data, size, utf8, size ?: 1, whole);

                assert(run(data, size, utf8, 1, pieces) == n && memcmp(whole, pieces, n) == 0);
                assert(run(data, size, utf8, 3, pieces) == n && memcmp(whole, pieces, n) == 0);
                /* What is harmless stays as it is. */
                assert(run((const uint8_t *) whole, n, utf8, n ?: 1, pieces) == n);
                assert(memcmp(whole, pieces, n) == 0);
        }
        return 0;
}
