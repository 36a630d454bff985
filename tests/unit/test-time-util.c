/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-time-util.c - time spans as text, and moments across steps of the wall clock. */

#include "basic/time-util.h"
#include "test.h"

/* As if the wall clock had been set that far ahead since. */
static void step(Moment *m, int64_t ahead) {
        m->realtime = (usec_t) ((int64_t) m->realtime - ahead);
}

static void test_without_a_step(void **state) {
        const usec_t before = now_usec(CLOCK_REALTIME);
        const Moment m = moment_after(CLOCK_BOOTTIME, 0);

        assert_true(m.realtime >= before && m.realtime <= now_usec(CLOCK_REALTIME));
        assert_true(moment_realtime(&m) == m.realtime);
}

static void test_step(void **state) {
        static const int64_t steps[] = { 5 * USEC_PER_HOUR, -5 * (int64_t) USEC_PER_HOUR,
                                         2 * USEC_PER_SEC, -2 * (int64_t) USEC_PER_SEC };

        FOREACH_ELEMENT (s, steps) {
                Moment m = moment_after(CLOCK_MONOTONIC, 10 * USEC_PER_SEC);
                const usec_t due = m.realtime;

                step(&m, *s);
                /* Whatever becomes of the clock, it is in ten seconds; and the same each time. */
                assert_true(moment_realtime(&m) == due);
                assert_true(moment_realtime(&m) == due);
        }
}

/* A clock that is slewed, or corrected by little, moves nothing. */
static void test_small_step(void **state) {
        Moment m = moment_after(CLOCK_BOOTTIME, 0);

        step(&m, 300 * USEC_PER_MSEC);
        assert_true(moment_realtime(&m) == m.realtime);
}

/* A suspended host: what is due by a timer that stood still comes later; the rest is as long ago.
 */
static void test_suspend(void **state) {
        Moment since = moment_after(CLOCK_BOOTTIME, 0), due = moment_after(CLOCK_MONOTONIC, 0);
        const usec_t then = due.realtime, hour = USEC_PER_HOUR;

        since.realtime -= hour;
        since.at -= hour;
        due.realtime -= hour;
        assert_true(moment_realtime(&since) == since.realtime);
        assert_true(moment_realtime(&due) == then);
}

static void test_never(void **state) {
        const Moment m = {};

        assert_true(moment_realtime(&m) == 0);
}

/* A clock that was set to before 1970 plus what has passed: still a time. */
static void test_far_back(void **state) {
        Moment m = moment_after(CLOCK_BOOTTIME, 0);

        m.at = 0;
        m.realtime = usec_add(now_usec(CLOCK_REALTIME), now_usec(CLOCK_REALTIME));
        assert_true(moment_realtime(&m) > 0);
}

static void test_format(void **state) {
        static const struct {
                usec_t t;
                const char *text;
        } cases[] = {
                { 0, "0" },
                { 1, "1us" },
                { 999, "999us" },
                { 1500, "1ms 500us" },
                { 65 * USEC_PER_SEC, "1min 5s" },
                { 90 * USEC_PER_SEC, "1min 30s" },
                { 2 * USEC_PER_HOUR + 5 * USEC_PER_MINUTE, "2h 5min" },
                /* Never a third unit, nor a smaller one across a unit of zero. */
                { 26 * USEC_PER_HOUR + 30 * USEC_PER_MINUTE, "1d 2h" },
                { 24 * USEC_PER_HOUR + 30 * USEC_PER_MINUTE, "1d" },
                { 2 * USEC_PER_HOUR + 3, "2h" },
                /* The second unit is shown from one per cent of the whole on. */
                { 319042, "319ms" },
                { 9 * USEC_PER_MSEC + 89, "9ms" },
                { 9 * USEC_PER_MSEC + 91, "9ms 91us" },
                { 99 * USEC_PER_SEC, "1min 39s" },
                { 59 * USEC_PER_SEC + 600 * USEC_PER_MSEC, "59s 600ms" },
                { 59 * USEC_PER_SEC + 590 * USEC_PER_MSEC, "59s" },
                { 2 * USEC_PER_HOUR + USEC_PER_MINUTE, "2h" },
                { 100 * USEC_PER_HOUR, "4d 4h" },
                { 100 * 24 * USEC_PER_HOUR + 23 * USEC_PER_HOUR, "100d" },
                { USEC_INFINITY - 1, "213503982d" },
                { USEC_INFINITY, "infinity" },
        };

        FOREACH_ELEMENT (c, cases)
                assert_string_equal(FORMAT_TIMESPAN(c->t), c->text);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_without_a_step), cmocka_unit_test(test_step),
                cmocka_unit_test(test_small_step),     cmocka_unit_test(test_suspend),
                cmocka_unit_test(test_never),          cmocka_unit_test(test_far_back),
                cmocka_unit_test(test_format),
        };

        return RUN_TESTS(tests);
}
