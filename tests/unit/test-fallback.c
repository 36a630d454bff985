/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-fallback.c - when a guest that does not come up gets its fallback, and when that ends. */

#include <string.h>

#include "test.h"

#include "daemon/guest/fallback.h"

#define S USEC_PER_SEC

static const FallbackRule rule = { .present = true, .after = 3 };
static const FallbackRule other_kernel = { .present = true, .other_kernel = true, .after = 3 };
static const FallbackRule none = { .after = 3 };

static bool crash(FallbackHistory *h) {
        return fallback_note_end(h, &rule, VERDICT_PANIC, false, S);
}

static void test_after(void **state) {
        for (unsigned after = 1; after <= 5; after++) {
                const FallbackRule r = { .present = true, .after = after };
                FallbackHistory h = {};

                for (unsigned i = 1; i < after; i++) {
                        assert_false(fallback_note_end(&h, &r, VERDICT_EXIT, false, S));
                        assert_false(h.active);
                }
                assert_true(fallback_note_end(&h, &r, VERDICT_HUNG, false, S));
                assert_true(h.active);
                assert_int_equal(h.failed, after);
                /* It begins once, and stays while it fails, too. */
                assert_false(fallback_note_end(&h, &r, VERDICT_PANIC, false, S));
                assert_true(h.active);
        }
}

/* Ready says little, for with Ready=boot it comes before the root is mounted. */
static void test_failed_or_not(void **state) {
        FallbackHistory h = {};

        for (int i = 0; i < 9; i++) /* long runs that crash are no failed boots */
                assert_false(fallback_note_end(&h, &rule, VERDICT_PANIC, true, FALLBACK_BOOT));
        assert_int_equal(h.failed, 0);
        (void) crash(&h);
        assert_false(fallback_note_end(&h, &rule, VERDICT_DISK, true, FALLBACK_BOOT - 1));
        assert_int_equal(h.failed, 2);
        /* one good run in between */
        assert_false(fallback_note_end(&h, &rule, VERDICT_MEMORY, true, 2 * FALLBACK_BOOT));
        assert_int_equal(h.failed, 0);
        /* never ready, however long that took */
        assert_false(fallback_note_end(&h, &rule, VERDICT_HUNG, false, 2 * FALLBACK_BOOT));
        assert_int_equal(h.failed, 1);
}

static void test_neutral(void **state) {
        static const Verdict neutral[] = { VERDICT_NONE, VERDICT_KILLED, VERDICT_NETWORK,
                                           VERDICT_USAGE };

        FOREACH_ELEMENT (v, neutral) {
                FallbackHistory h = {};

                (void) crash(&h);
                for (int i = 0; i < 9; i++)
                        assert_false(fallback_note_end(&h, &rule, *v, false, S));
                assert_int_equal(h.failed, 1);
                (void) crash(&h);
                assert_true(crash(&h));
                assert_false(fallback_note_end(&h, &rule, *v, false, S));
                assert_true(h.active);
        }
}

static void test_wishes_end_it(void **state) {
        static const Verdict wishes[] = { VERDICT_POWEROFF, VERDICT_REBOOT, VERDICT_STOPPED };

        FOREACH_ELEMENT (v, wishes) {
                FallbackHistory h = { .active = true, .failed = 7 };

                assert_false(fallback_note_end(&h, &rule, *v, true, S));
                assert_false(h.active);
                assert_int_equal(h.failed, 0);
        }
}

static void test_kernel(void **state) {
        FallbackHistory h = {};

        assert_false(
                fallback_note_end(&h, &rule, VERDICT_KERNEL, false, 0)); /* it would be the same */
        assert_true(fallback_note_end(&h, &other_kernel, VERDICT_KERNEL, false, 0));
        assert_false(fallback_note_end(&h, &other_kernel, VERDICT_KERNEL, false, 0));
}

static void test_none(void **state) {
        FallbackHistory h = {};

        for (int i = 0; i < 5000; i++)
                assert_false(fallback_note_end(&h, &none, VERDICT_PANIC, false, S));
        assert_true(h.failed <= 1001);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_after),   cmocka_unit_test(test_failed_or_not),
                cmocka_unit_test(test_neutral), cmocka_unit_test(test_wishes_end_it),
                cmocka_unit_test(test_kernel),  cmocka_unit_test(test_none),
        };

        return RUN_TESTS(tests);
}
