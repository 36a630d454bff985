/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-history.c - the ring of samples, and the counters that it is made from. */

#include "test.h"

#include "daemon/watch/history.h"
#include "host/link-counters.h"

#define S   USEC_PER_SEC
#define MiB (UINT64_C(1) << 20)

static HistorySight at(usec_t second, uint64_t memory, uint64_t received, uint64_t sent) {
        return (HistorySight){ .now = second * S,
                               .realtime = (1700000000 + second) * S,
                               .memory = memory,
                               .received = received,
                               .sent = sent };
}

static void begin(History *h, HistorySight seen) {
        history_begin(h, &seen);
}

static void add(History *h, HistorySight seen) {
        assert_true(history_is_due(h, seen.now));
        history_add(h, &seen);
}

static void expect(const History *h, size_t i, HistorySample s) {
        const HistorySample *is = history_get(h, i);

        assert_int_equal(is->when, s.when);
        assert_int_equal(is->memory, s.memory);
        assert_int_equal(is->received, s.received);
        assert_int_equal(is->sent, s.sent);
}

static void test_rates(void **state) {
        History h = {};

        begin(&h, at(100, 0, 1000, 5000)); /* what came before this boot does not count */
        add(&h, at(101, 8 * MiB, 1500, 5000));
        expect(&h, 0, (HistorySample){ 1700000101, 8 * 1024, 500, 0 });
        add(&h, at(111, 9 * MiB, 1500, 25000));
        expect(&h, 1, (HistorySample){ 1700000111, 9 * 1024, 0, 2000 });
        /* The tap is another one: its counters begin at 0. */
        add(&h, at(121, 9 * MiB, 10, 20));
        expect(&h, 2, (HistorySample){ 1700000121, 9 * 1024, 0, 0 });
        /* More than 4 GiB per second is said to be that. */
        add(&h, at(131, 9 * MiB, UINT64_C(1) << 40, 20));
        expect(&h, 3, (HistorySample){ 1700000131, 9 * 1024, UINT32_MAX, 0 });
        assert_int_equal(h.n, 4);
}

/* Nothing is known of an interface for a moment, which is no traffic at all. */
static void test_uncounted(void **state) {
        HistorySight nothing = at(111, MiB, 0, 0);
        History h = {};

        begin(&h, at(100, 0, 1000000, 1000000));
        add(&h, at(101, MiB, 1000500, 1000000));
        nothing.uncounted = true;
        add(&h, nothing);
        expect(&h, 1, (HistorySample){ 1700000111, 1024, 0, 0 });
        add(&h, at(121, MiB, 1002500, 1001000));
        expect(&h, 2, (HistorySample){ 1700000121, 1024, 100, 50 });
        nothing.now = 200 * S;
        begin(&h, nothing);
        add(&h, at(201, MiB, 1002500, 1001000));
        expect(&h, 3, (HistorySample){ 1700000201, 1024, 0, 0 });
        add(&h, at(211, MiB, 1003500, 1001000));
        expect(&h, 4, (HistorySample){ 1700000211, 1024, 100, 0 });
}

static void test_due(void **state) {
        History h = {};

        begin(&h, at(100, 0, 0, 0));
        add(&h, at(101, MiB, 0, 0));
        assert_false(history_is_due(&h, 102 * S)); /* memory is checked each second when tight */
        assert_false(history_is_due(&h, 108 * S));
        assert_true(history_is_due(&h, 110 * S)); /* timers are combined with others */
        begin(&h, at(103, 0, 0, 0));
        assert_true(history_is_due(&h, 104 * S)); /* another boot */
}

static void test_hour(void **state) {
        History h = {};

        begin(&h, at(1, 0, 0, 0));
        for (usec_t i = 0; i < HISTORY_SAMPLES + 25; i++)
                add(&h, at(10 * i + 2, i * MiB, 0, 0));
        assert_int_equal(h.n, HISTORY_SAMPLES);
        for (size_t i = 0; i < h.n; i++)
                assert_int_equal(history_get(&h, i)->memory, (i + 25) * 1024);
        begin(&h, at(5000, 0, 0, 0)); /* a restart keeps it */
        assert_int_equal(h.n, HISTORY_SAMPLES);
        assert_in_range(sizeof(h), 1, 6144);
}

#define TITLES                                                                                     \
        "Inter-|   Receive                                                |  Transmit\n"           \
        " face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets\n"

static void test_counters(void **state) {
        static const char text[] =
                TITLES "    lo:  100 1 0 0 0 0 0 0 100 1 0 0 0 0 0 0\n"
                       "  tap1:77 1 0 0 0 0 0 0 88 1 0 0 0 0 0 0\n"
                       " tap10: 18446744073709551615 5 0 0 0 0 0 0 4096 7 0 0 0 0 0 0\n"
                       "  tap2: 12 what\n";
        LinkCounters c = {};

        assert_int_equal(link_counters_parse(text, "tap1", &c), 0);
        assert_true(c.received == 77 && c.sent == 88);
        assert_int_equal(link_counters_parse(text, "tap10", &c), 0);
        assert_true(c.received == UINT64_MAX && c.sent == 4096);
        assert_int_equal(link_counters_parse(text, "tap2", &c), -EBADMSG);
        assert_int_equal(link_counters_parse(text, "tap", &c), -ENODEV);
        assert_int_equal(link_counters_parse(text, "", &c), -ENODEV);
        assert_int_equal(link_counters_parse("", "tap1", &c), -ENODEV);
        assert_true(c.sent == 4096); /* untouched by failures */
        assert_int_equal(link_counters_read("lo", &c), 0);
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_rates),    cmocka_unit_test(test_uncounted),
                cmocka_unit_test(test_due),      cmocka_unit_test(test_hour),
                cmocka_unit_test(test_counters),
        };

        return RUN_TESTS(tests);
}
