/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-restart-policy.c - again or not, and how soon. */

#include <string.h>

#include "test.h"

#include "daemon/base/restart-policy.h"

#define S    USEC_PER_SEC
#define MIN_ USEC_PER_MINUTE

static void test_decisions(void **state) {
        static const struct {
                Verdict verdict;
                RestartDecision no, on_crash, always;
        } cases[] = {
                { VERDICT_POWEROFF, DECIDE_DONE, DECIDE_DONE, DECIDE_AGAIN },
                { VERDICT_REBOOT, DECIDE_AGAIN, DECIDE_AGAIN, DECIDE_AGAIN },
                { VERDICT_STOPPED, DECIDE_AGAIN, DECIDE_AGAIN, DECIDE_AGAIN },
                { VERDICT_PANIC, DECIDE_FAULT, DECIDE_AGAIN, DECIDE_AGAIN },
                { VERDICT_KILLED, DECIDE_FAULT, DECIDE_AGAIN, DECIDE_AGAIN },
                { VERDICT_HUNG, DECIDE_FAULT, DECIDE_AGAIN, DECIDE_AGAIN },
                { VERDICT_MEMORY, DECIDE_FAULT, DECIDE_AGAIN, DECIDE_AGAIN },
                { VERDICT_DISK, DECIDE_FAULT, DECIDE_AGAIN, DECIDE_AGAIN },
                { VERDICT_NETWORK, DECIDE_FAULT, DECIDE_AGAIN, DECIDE_AGAIN },
                { VERDICT_KERNEL, DECIDE_FAULT, DECIDE_FAULT, DECIDE_FAULT },
                { VERDICT_USAGE, DECIDE_FAULT, DECIDE_FAULT, DECIDE_FAULT },
                { VERDICT_EXIT, DECIDE_FAULT, DECIDE_AGAIN, DECIDE_AGAIN },
        };

        assert_int_equal(ARRAY_SIZE(cases), VERDICT_MAX - 1);
        FOREACH_ELEMENT (c, cases) {
                assert_int_equal(restart_decide(c->verdict, WANTED_UP, RESTART_NO), c->no);
                assert_int_equal(restart_decide(c->verdict, WANTED_UP, RESTART_ON_CRASH),
                                 c->on_crash);
                assert_int_equal(restart_decide(c->verdict, WANTED_UP, RESTART_ALWAYS), c->always);
                for (RestartWhen w = 0; w < RESTART_WHEN_MAX; w++)
                        assert_int_equal(restart_decide(c->verdict, WANTED_DOWN, w), DECIDE_DONE);
        }
}

static void test_what_is_a_crash(void **state) {
        for (Verdict v = VERDICT_NONE; v < VERDICT_MAX; v++)
                assert_int_equal(restart_is_crash(v), v != VERDICT_NONE && v != VERDICT_POWEROFF &&
                                                              v != VERDICT_REBOOT &&
                                                              v != VERDICT_STOPPED);
}

static const RestartRule defaults = { .delay = 0, .delay_max = 5 * MIN_, .reset = 10 * MIN_ };

static void test_backs_off(void **state) {
        static const unsigned expected[] = { 0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300 };
        DeathHistory h = {};

        for (size_t i = 0; i < ARRAY_SIZE(expected); i++)
                assert_int_equal(restart_delay(&h, &defaults, S), expected[i] * S);
        /* and never overflows, however long it goes on */
        h.quick = UINT32_MAX - 1;
        for (int i = 0; i < 5; i++)
                assert_int_equal(restart_delay(&h, &defaults, S), 300 * S);
}

static void test_health_forgets(void **state) {
        DeathHistory h = {};

        assert_int_equal(restart_delay(&h, &defaults, S), 0);
        assert_int_equal(restart_delay(&h, &defaults, S), S);
        assert_int_equal(restart_delay(&h, &defaults, 10 * MIN_ - 1), 2 * S);
        assert_int_equal(restart_delay(&h, &defaults, 10 * MIN_), 0);
        assert_int_equal(restart_delay(&h, &defaults, S), S);
}

static void test_configured(void **state) {
        const RestartRule slow = { .delay = 3 * S, .delay_max = 5 * S, .reset = MIN_ };
        const RestartRule never = { .delay = 0, .delay_max = 5 * MIN_, .reset = 0 };
        DeathHistory h = {};

        assert_int_equal(restart_delay(&h, &slow, S), 3 * S); /* RestartDelay is the least */
        assert_int_equal(restart_delay(&h, &slow, S), 3 * S);
        assert_int_equal(restart_delay(&h, &slow, S), 3 * S);
        assert_int_equal(restart_delay(&h, &slow, S), 4 * S);
        assert_int_equal(restart_delay(&h, &slow, S), 5 * S); /* RestartDelayMax the most */
        h = (DeathHistory){};
        for (int i = 0; i < 10; i++) /* RestartReset=0: every run is healthy */
                assert_int_equal(restart_delay(&h, &never, 0), 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_decisions),  cmocka_unit_test(test_what_is_a_crash),
                cmocka_unit_test(test_backs_off),  cmocka_unit_test(test_health_forgets),
                cmocka_unit_test(test_configured),
        };

        return RUN_TESTS(tests);
}
