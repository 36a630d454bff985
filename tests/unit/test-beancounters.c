/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-beancounters.c - OpenVZ's table of resources, as its kernels print it. */

#include "test.h"

#include "host/beancounters.h"

static const char container[] =
        "Version: 2.5\n"
        "       uid  resource                     held              maxheld              barrier"
        "                limit              failcnt\n"
        "      101:  kmemsize                 10412032             12029952  9223372036854775807"
        "  9223372036854775807                    0\n"
        "            lockedpages                     0                    8  9223372036854775807"
        "  9223372036854775807                    0\n"
        "            privvmpages                 25600                40000               131072"
        "               139264                    3\n"
        "            shmpages                      640                  700                21504"
        "                21504                    0\n"
        "            dummy                           0                    0                    0"
        "                    0                    0\n"
        "            physpages                   20000                30000                    0"
        "           2147483647                    0\n";

static const char node[] = "Version: 2.5\n"
                           " uid  resource  held maxheld barrier limit failcnt\n"
                           " 101: kmemsize 1 2 3 4 0\n"
                           "      privvmpages 1 2 3 4 0\n"
                           "   0: kmemsize 1 2 3 4 0\n"
                           "      privvmpages 1 2 3 4 0\n";

static void test_container(void **state) {
        uint64_t limit = 0;
        Beancounter b;

        ASSERT_OK(beancounter_find(container, "privvmpages", &b));
        assert_int_equal(b.held, 25600);
        assert_int_equal(b.barrier, 131072);
        assert_int_equal(b.limit, 139264);
        assert_int_equal(beancounter_left(&b, 4096, &limit), (131072 - 25600) * UINT64_C(4096));
        assert_int_equal(limit, 131072 * UINT64_C(4096));

        ASSERT_OK(beancounter_find(container, "shmpages", &b));
        assert_int_equal(beancounter_left(&b, 4096, &limit), (21504 - 640) * UINT64_C(4096));

        ASSERT_OK(beancounter_find(container, "kmemsize", &b)); /* stands behind the uid */
        assert_int_equal(b.held, 10412032);
        assert_true(beancounter_left(&b, 4096, &limit) == UINT64_MAX && limit == UINT64_MAX);
}

static void test_exhausted(void **state) {
        Beancounter b = { .held = 120, .barrier = 100, .limit = 140 };
        uint64_t limit;

        assert_int_equal(beancounter_left(&b, 4096, &limit), 0);
        b = (Beancounter){ .held = 10, .barrier = UINT64_MAX, .limit = 30 };
        assert_int_equal(beancounter_left(&b, 4096, &limit), 20 * 4096);
        b = (Beancounter){ .held = 0, .barrier = UINT64_MAX / 2, .limit = UINT64_MAX / 2 };
        assert_true(beancounter_left(&b, 4096, &limit) == UINT64_MAX);
}

static void test_refused(void **state) {
        static const struct {
                const char *text;
                int error;
        } cases[] = {
                { "", ENODATA },
                { "\n\n\n", ENODATA },
                { "privvmpagesx 1 2 3 4 5\n", ENODATA },
                { " 101: shmpages 1 2 3 4 5\n", ENODATA },
                { "privvmpages 1 2 3 4\n", EBADMSG },
                { "privvmpages 1 2 3 4 5 6\n", EBADMSG },
                { "privvmpages -1 2 3 4 5\n", EBADMSG },
                { "privvmpages 1 2 x 4 5\n", EBADMSG },
                { "privvmpages 1 2 3 99999999999999999999999 5\n", EBADMSG },
                { node, ENODATA }, /* every container's: we are the node */
        };
        Beancounter b = { .held = 77 };

        FOREACH_ELEMENT (c, cases) {
                ASSERT_ERROR(beancounter_find(c->text, "privvmpages", &b), c->error);
                assert_int_equal(b.held, 77);
        }
        ASSERT_OK(beancounter_find("privvmpages 1 2 3 4 5", "privvmpages", &b)); /* no newline */
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_container),
                cmocka_unit_test(test_exhausted),
                cmocka_unit_test(test_refused),
        };

        return RUN_TESTS(tests);
}
