/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-parse-when.c - points in time as people write them. */

#include "test.h"

#include "umlctl/parse-when.h"

#define NOW ((usec_t) 1795302129 * USEC_PER_SEC) /* 2026-11-21 23:02:09 UTC */

static void test_times(void **state) {
        static const struct {
                const char *text;
                uint64_t seconds; /* 0: it is none */
        } cases[] = {
                { "10min", 1795302129 - 600 },
                { "1h 5min", 1795302129 - 3900 },
                { "@1795302000", 1795302000 },
                { "today", 1795219200 },
                { "yesterday", 1795132800 },
                { "2026-11-21", 1795219200 },
                { "2026-11-21 18:30", 1795285800 },
                { "2026-11-21 18:30:05", 1795285805 },
                { "2026-11-21T18:30:05", 1795285805 },
                { "2026-11-21T18:30:05Z", 1795285805 },
                { "18:30", 1795285800 },
                { "18:30:05", 1795285805 },
                { "2026-02-31", 0 },
                { "2026-11-21 25:00", 0 },
                { "2026-11-21x", 0 },
                { "tomorrow", 0 },
                { "", 0 },
                { "@", 0 },
                { "@-1", 0 },
                { "@99999999999999999999", 0 },
                { "90000000h", 0 },
        };

        FOREACH_ELEMENT (c, cases) {
                usec_t t = 42;
                int r = parse_when(c->text, NOW, &t);

                if (r != (c->seconds ? 0 : -EINVAL) ||
                    t != (c->seconds ? c->seconds * USEC_PER_SEC : 42))
                        fail_msg("%s: %d, %llu", c->text, r, (unsigned long long) t);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_times),
        };

        setenv("TZ", "UTC", 1);
        return RUN_TESTS(tests);
}
