/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-bars.c - the share of a guest of the host's connections, and when it is looked at. */

#include "test.h"

#include "daemon/net/bars.h"
#include "daemon/net/surplus-flows.h"

static void test_share(void **state) {
        static const struct {
                uint64_t max;
                unsigned guests, share;
        } cases[] = {
                { 65536, 0, 16384 },      { 65536, 1, 16384 }, { 32768, 1, 16384 },
                { 32766, 1, 16383 },      { 65536, 2, 16384 }, { 65536, 3, 8192 },
                { 65536, 4, 8192 },       { 65536, 5, 4096 },  { 65536, 32, 1024 },
                { 65536, 48, 640 },       { 65536, 1000, 40 }, { 8192, 2, 2048 },
                { 1000, 1, 625 },         { 0, 1, 1 },         { 100, 1000, 1 },
                { UINT64_MAX, 1, 16384 },
        };

        FOREACH_ELEMENT (c, cases)
                assert_int_equal(connections_share(c->max, c->guests), c->share);
}

/* An eighth of the table for all guests together, within bounds. */
static void test_fresh(void **state) {
        static const struct {
                uint64_t max;
                unsigned guests, fresh;
        } cases[] = {
                { 262144, 0, 32768 },  { 262144, 1, 32768 }, { 1 << 20, 1, 32768 },
                { 1 << 20, 4, 32768 }, { 65536, 1, 8192 },   { 65536, 2, 4096 },
                { 65536, 3, 2048 },    { 65536, 9, 1024 },   { 65536, 32, 256 },
                { 65536, 80, 64 },     { 262144, 80, 256 },  { 100, 1, 13 },
                { 0, 1, 1 },           { 100, 1000, 1 },     { UINT64_MAX, 5, 32768 },
        };

        FOREACH_ELEMENT (c, cases)
                assert_int_equal(connections_fresh(c->max, c->guests), c->fresh);
}

/* However many guests there are, by IPv4 alone or by both families, and whatever each of them does
 * between two looks, a quarter is left; and none has less than 1,024 as long as that leaves one. */
static void test_quarter(void **state) {
        static const uint64_t tables[] = { 4096, 8192, 16384, 65536, 100000, 262144, 1 << 20 };

        FOREACH_ELEMENT (max, tables)
                for (unsigned guests = 1; guests <= 300; guests++) {
                        uint64_t one = connections_share(*max, guests),
                                 both = connections_share(*max, 2 * guests) * 2ULL,
                                 fresh = connections_fresh(*max, guests), quarters = *max / 4 * 3;

                        assert_true(guests * (MAX(one, both) + fresh) <= quarters);
                        assert_true(one >= 1024 || 1024 * guests > *max / 16 * 5);
                        assert_true(fresh >= 1024 ||
                                    (MAX(one, both) + 1024) * guests > quarters / 2);
                }
}

/* From a table that is half full on, and again when a thirty-second of it has come since. */
static void test_due(void **state) {
        static const struct {
                uint64_t count, max, settled, made;
                bool due;
        } cases[] = {
                { 0, 65536, 0, 1024, false },
                { 32768, 65536, 0, 1024, false },
                { 32769, 65536, 0, 1024, true },
                { 32769, 65536, 1, 1024, true },
                { 32769, 65536, 32000, 1024, false },
                { 34049, 65536, 32000, 1024, true },
                { 50000, 65536, 49000, 1024, false },
                { 51049, 65536, 49000, 1024, true },
                { 3, 4, 0, 0, true },
                { 3, 4, 3, 0, false },
                { UINT32_MAX, UINT64_MAX, UINT32_MAX, 0, false },
                /* One that has made few waits for the others. */
                { 36864, 65536, 0, 1023, false },
                { 36865, 65536, 0, 1023, true },
                { 36865, 65536, 0, 0, true },
                { 51049, 65536, 49000, 0, true },
        };

        FOREACH_ELEMENT (c, cases)
                assert_int_equal(surplus_is_due(c->count, c->max, c->settled, c->made), c->due);
}

/* As many as 32,768 new ones a second are seen in time, and a table that is far from full is not
 * looked at often. */
static void test_next_look(void **state) {
        assert_int_equal(surplus_next_look(0, 65536, 0, UINT64_MAX), USEC_PER_SEC);
        assert_int_equal(surplus_next_look(16384, 65536, 0, UINT64_MAX), USEC_PER_SEC / 2);
        assert_int_equal(surplus_next_look(0, 1 << 20, 0, UINT64_MAX), 2500 * USEC_PER_MSEC);
        assert_int_equal(surplus_next_look(0, UINT64_MAX, 0, UINT64_MAX), 2500 * USEC_PER_MSEC);
        assert_int_equal(surplus_next_look(32760, 65536, 0, UINT64_MAX), 20 * USEC_PER_MSEC);
        assert_int_equal(surplus_next_look(65536, 65536, 1, UINT64_MAX), 20 * USEC_PER_MSEC);
        assert_int_equal(surplus_next_look(49000, 65536, 49000, UINT64_MAX), USEC_PER_SEC / 16);
}

/* Twice while its number is used up, and gradually less often when it uses few: more may follow. */
static void test_fresh_next_look(void **state) {
        assert_int_equal(fresh_next_look(USEC_PER_SEC, 0, 8192), 2500 * USEC_PER_MSEC);
        assert_int_equal(fresh_next_look(USEC_PER_SEC, 0, 0), 2500 * USEC_PER_MSEC);
        assert_int_equal(fresh_next_look(USEC_PER_SEC, 2048, 8192), 2 * USEC_PER_SEC);
        assert_int_equal(fresh_next_look(20 * USEC_PER_MSEC, 0, 8192), 160 * USEC_PER_MSEC);
        assert_int_equal(fresh_next_look(256 * USEC_PER_MSEC, 256, 1024), 512 * USEC_PER_MSEC);
        assert_int_equal(fresh_next_look(USEC_PER_SEC, 4096, 8192), USEC_PER_SEC);
        assert_int_equal(fresh_next_look(USEC_PER_SEC, 8192, 8192), USEC_PER_SEC / 2);
        assert_int_equal(fresh_next_look(30 * USEC_PER_MSEC, 8192, 8192), 20 * USEC_PER_MSEC);
        assert_int_equal(fresh_next_look(60 * USEC_PER_SEC, 8192, 8192), 1250 * USEC_PER_MSEC);
}

static int refused;

static int refuse_fresh(const Nat *nat, const char *guest, bool again, uint64_t *ret) {
        refused++;
        return -EPERM;
}

/* Rules that let no more connections pass once a number is used up are given up if umld can neither
 * count nor renew it. */
static void test_fresh_refused(void **state) {
        static const NatBackend backend = { .name = "refusing", .fresh = refuse_fresh };
        _cleanup_(sd_event_unrefp) sd_event *event = NULL;
        _cleanup_(surplus_flows_freep) SurplusFlows *s = NULL;
        char name[] = "web";
        Config config = { .name = name, .tap = "none" };
        Host host = { .config = &config };
        Net net = { .host = &host, .rules = true, .connections = 1024, .fresh = 1024 };

        net.maker.nat.backend = &backend;
        ASSERT_OK(sd_event_new(&event));
        ASSERT_OK(surplus_flows_new(event, &net, &s));
        ASSERT_OK(surplus_flows_update(s));
        while (!net.lacking[NET_LACKS_FRESH])
                ASSERT_OK(sd_event_run(event, 10 * USEC_PER_SEC));
        assert_int_equal(refused, 3);
        assert_true(net.rules_stale);
        FOREACH_ELEMENT (each, net.lacking)
                free(*each);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_share),         cmocka_unit_test(test_fresh),
                cmocka_unit_test(test_quarter),       cmocka_unit_test(test_fresh_next_look),
                cmocka_unit_test(test_fresh_refused), cmocka_unit_test(test_due),
                cmocka_unit_test(test_next_look)
        };

        return RUN_TESTS(tests);
}
