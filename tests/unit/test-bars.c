/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-bars.c - the share of a guest of the host's connections. */

#include "test.h"

#include "daemon/net/bars.h"

static void test_share(void **state) {
        static const struct {
                uint64_t max;
                unsigned guests, share;
        } cases[] = {
                { 65536, 0, 16384 },      { 65536, 1, 16384 }, { 32768, 1, 16384 },
                { 32766, 1, 16383 },      { 65536, 2, 16384 }, { 65536, 3, 8192 },
                { 65536, 4, 8192 },       { 65536, 5, 4096 },  { 65536, 32, 1024 },
                { 65536, 48, 768 },       { 65536, 1000, 48 }, { 8192, 2, 2048 },
                { 1000, 1, 750 },         { 0, 1, 1 },         { 100, 1000, 1 },
                { UINT64_MAX, 1, 16384 },
        };

        (void) state;
        FOREACH_ELEMENT (c, cases)
                assert_int_equal(connections_share(c->max, c->guests), c->share);
}

int main(void) {
        const struct CMUnitTest tests[] = { cmocka_unit_test(test_share) };

        return RUN_TESTS(tests);
}
