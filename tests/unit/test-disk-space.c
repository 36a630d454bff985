/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-disk-space.c - enough, low, full, and back. */

#include <string.h>

#include "test.h"

#include "daemon/watch/disk-space.h"

#define M (UINT64_C(1) << 20)
#define G (UINT64_C(1) << 30)

static void test_levels(void **state) {
        static const struct {
                SpaceSight s;
                SpaceLevel from_enough, from_low, from_full;
        } cases[] = {
                /* a large file system: 1G and 64M are the marks */
                { { 100 * G, 50 * G, 10 * G }, SPACE_ENOUGH, SPACE_ENOUGH, SPACE_ENOUGH },
                { { 100 * G, 5 * G / 4, 10 * G }, SPACE_ENOUGH, SPACE_ENOUGH, SPACE_ENOUGH },
                { { 100 * G, 5 * G / 4 - 1, 10 * G }, SPACE_ENOUGH, SPACE_LOW, SPACE_LOW },
                { { 100 * G, G, 10 * G }, SPACE_ENOUGH, SPACE_LOW, SPACE_LOW },
                { { 100 * G, G - 1, 10 * G }, SPACE_LOW, SPACE_LOW, SPACE_LOW },
                { { 100 * G, 128 * M, 10 * G }, SPACE_LOW, SPACE_LOW, SPACE_LOW },
                { { 100 * G, 128 * M - 1, 10 * G }, SPACE_LOW, SPACE_LOW, SPACE_FULL },
                { { 100 * G, 64 * M, 10 * G }, SPACE_LOW, SPACE_LOW, SPACE_FULL },
                { { 100 * G, 64 * M - 1, 10 * G }, SPACE_FULL, SPACE_FULL, SPACE_FULL },
                { { 100 * G, 0, 10 * G }, SPACE_FULL, SPACE_FULL, SPACE_FULL },
                /* a small one: a fifth and a twentieth of it */
                { { 100 * M, 30 * M, G }, SPACE_ENOUGH, SPACE_ENOUGH, SPACE_ENOUGH },
                { { 100 * M, 19 * M, G }, SPACE_LOW, SPACE_LOW, SPACE_LOW },
                { { 100 * M, 4 * M, G }, SPACE_FULL, SPACE_FULL, SPACE_FULL },
                { { 100 * M, 9 * M, G }, SPACE_LOW, SPACE_LOW, SPACE_FULL },
                /* images that cannot grow any more need nothing, nearly full ones little */
                { { 100 * G, 0, 0 }, SPACE_ENOUGH, SPACE_ENOUGH, SPACE_ENOUGH },
                { { 100 * G, 10 * M, 5 * M }, SPACE_ENOUGH, SPACE_ENOUGH, SPACE_ENOUGH },
                { { 100 * G, 4 * M, 5 * M }, SPACE_FULL, SPACE_FULL, SPACE_FULL },
        };

        FOREACH_ELEMENT (c, cases) {
                assert_int_equal(space_judge(SPACE_ENOUGH, &c->s), c->from_enough);
                assert_int_equal(space_judge(SPACE_LOW, &c->s), c->from_low);
                assert_int_equal(space_judge(SPACE_FULL, &c->s), c->from_full);
        }
}

/* More room is never a worse level, and a level that was reached stays when nothing changes. */
static void test_steady(void **state) {
        for (SpaceLevel before = SPACE_ENOUGH; before <= SPACE_FULL; before++) {
                SpaceLevel last = SPACE_FULL;

                for (uint64_t available = 0; available < 3 * G; available += M / 2) {
                        const SpaceSight s = { 10 * G, available, 100 * G };
                        SpaceLevel level = space_judge(before, &s);

                        assert_true(level <= last);
                        assert_int_equal(space_judge(level, &s), level);
                        assert_true(level != SPACE_FULL || available < space_needed(&s));
                        last = level;
                }
        }
}

/* However fast the guest writes, the next look comes before the room is gone. */
static void test_looks(void **state) {
        for (uint64_t available = 0; available < 20 * G; available += 10 * M) {
                const SpaceSight s = { 100 * G, available, 100 * G };
                usec_t next = space_next_look(&s);

                assert_true(next >= 50 * USEC_PER_MSEC && next <= 5 * USEC_PER_SEC);
                if (space_judge(SPACE_ENOUGH, &s) != SPACE_FULL)
                        assert_true(next * 1000 <= available); /* 1 GB/s */
        }
        assert_int_equal(space_next_look(&(SpaceSight){}), 5 * USEC_PER_SEC);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_levels),
                cmocka_unit_test(test_steady),
                cmocka_unit_test(test_looks),
        };

        return RUN_TESTS(tests);
}
