/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-rates.c - what a guest does in a second, and the order in which top shows guests. */

#include "test.h"

#include "api/bus-names.h"
#include "basic/cleanup.h"
#include "umlctl/bus-client.h"
#include "umlctl/rates.h"
#include "umlctl/top-table.h"
#include "umlctl/usage.h"

static json_t *counters(int pid, int cpu, int sent) {
        return json_pack("{s:s, s:i, s:i, s:i, s:i}", UMLD_PROP_NAME, "web", UMLD_PROP_PID, pid,
                         UMLD_PROP_STARTED, pid * 10, USAGE_PROP_CPU, cpu, USAGE_PROP_SENT, sent);
}

/* -1: it is not there. */
static int number(const json_t *props, const char *name) {
        return json_object_get(props, name) ? (int) prop_number(props, name) : -1;
}

static void assert_rates(json_t *before, json_t *now, usec_t elapsed, int cpu, int sent) {
        assert_int_equal(rates_add(now, before, elapsed), 0);
        assert_int_equal(number(now, RATE_PROP_CPU), cpu);
        assert_int_equal(number(now, RATE_PROP_SENT), sent);
        assert_null(json_object_get(now, RATE_PROP_RECEIVED)); /* was never counted */
        json_decref(before);
        json_decref(now);
}

static void test_rates(void **state) {
        /* Half a CPU and 2000 bytes in two seconds */
        assert_rates(counters(7, 100, 50), counters(7, 1000100, 2050), 2 * USEC_PER_SEC, 500000,
                     1000);
        assert_rates(counters(7, 100, 50), counters(7, 100, 50), USEC_PER_SEC, 0, 0);
        /* Another kernel: its CPU time starts again, its tap goes on. */
        assert_rates(counters(7, 100, 50), counters(8, 5000, 60), USEC_PER_SEC, -1, 10);
        /* The tap was made again. */
        assert_rates(counters(7, 100, 50), counters(7, 200, 20), USEC_PER_SEC, 100, -1);
        assert_rates(counters(7, 100, 50), counters(7, 200, 80), 0, -1, -1);
        assert_rates(NULL, counters(7, 200, 80), USEC_PER_SEC, -1, -1);
}

static Snapshot guest(const char *name, int cpu, int memory, int traffic, int started) {
        return (Snapshot){ .props = json_pack("{s:s, s:i, s:i, s:i, s:i, s:i}", UMLD_PROP_NAME,
                                              name, RATE_PROP_CPU, cpu, UMLD_PROP_MEMORY_USED,
                                              memory, RATE_PROP_SENT, traffic, UMLD_PROP_STARTED,
                                              started, UMLD_PROP_PID, started > 0) };
}

static void assert_order(const char *order, bool reverse, const char *right) {
        Snapshot s[] = { guest("b", 1, 30, 5, 9), guest("c", 2, 20, 7, 0),
                         guest("a", 1, 10, 6, 8) };
        char seen[ARRAY_SIZE(s) + 1] = "";

        top_sort(s, ARRAY_SIZE(s), top_order_by_name(order), reverse);
        for (size_t i = 0; i < ARRAY_SIZE(s); i++) {
                seen[i] = prop_string(s[i].props, UMLD_PROP_NAME)[0];
                json_decref(s[i].props);
        }
        assert_string_equal(seen, right);
}

static void test_order(void **state) {
        assert_order("cpu", false, "cab"); /* of two equal ones the first by name */
        assert_order("cpu", true, "bac");
        assert_order("memory", false, "bca");
        assert_order("traffic", false, "cab");
        assert_order("start", false, "bac");
        assert_order("name", false, "abc");
        assert_order("name", true, "cba");
        assert_null(top_order_by_name("pid"));
        assert_null(top_order_by_letter('q'));
        assert_string_equal(top_order_by_letter('m')->name, "memory");
}

static void test_summary(void **state) {
        Snapshot s[] = { guest("a", 250000, 1 << 20, 2048, 9), guest("b", 1000000, 2 << 20, 0, 8) };
        _cleanup_free_ char *text = NULL;
        const Column *columns[COLUMNS_MAX];
        size_t n = 0;

        text = top_summary(s, ARRAY_SIZE(s));
        assert_string_equal(text, "2 guests, 0 running; CPU 125.0%, memory 3M, sent 2K/s, "
                                  "received 0B/s");
        FOREACH_ELEMENT (one, s)
                json_decref(one->props);
        assert_int_equal(top_columns(columns, &n), 0);
        assert_true(n > 5);
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_rates),
                cmocka_unit_test(test_order),
                cmocka_unit_test(test_summary),
        };

        return RUN_TESTS(tests);
}
