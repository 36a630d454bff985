/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-columns.c - the columns of `umlctl list`: each names all properties of which it is made. */

#include "test.h"

#include "api/bus-names.h"
#include "umlctl/columns.h"
#include "umlctl/usage.h"

#define NOW (UINT64_C(1700000000) * USEC_PER_SEC)

/* A guest of which everything is known. */
static const char whole[] =
        "{\"Name\": \"web\", \"State\": \"running\", \"Since\": 1699999990000000, \"Pid\": 7,"
        " \"Started\": 1699999900000000, \"Restarts\": 3, \"MemorySize\": 67108864,"
        " \"MemoryUsed\": 1048576, \"GuestLoad\": \"0.5 0.4 0.3\","
        " \"GuestCongestionControl\": \"bbr\", \"GuestAddress\": \"10.0.0.2\","
        " \"GuestAddress6\": \"fd00::2\", \"Tap\": \"tap0\", \"Health\": \"good\","
        " \"KernelVersion\": \"6.1\", \"Forwards\": [\"tcp/80\"], \"LastVerdict\": \"panic\","
        " \"LastDetail\": \"no init\", \"LastWhen\": 1699999000000000, \"StatusText\": \"it "
        "runs\"}";

/* What umlctl adds itself. */
static const char added[] = "{\"UsageCpu\": 5000000, \"UsageSent\": 1024, \"UsageReceived\": 4096,"
                            " \"Enabled\": true}";

static json_t *load(const char *text) {
        json_t *v = json_loads(text, 0, NULL);

        assert_non_null(v);
        return v;
}

/* The properties of these names, as umld would send them. */
static json_t *chosen(const json_t *all, const Strv *names) {
        json_t *some = json_object();

        for (size_t i = 0; i < names->n; i++)
                assert_int_equal(
                        json_object_set(some, names->v[i], json_object_get(all, names->v[i])), 0);
        return some;
}

static void test_needs(void **state) {
        json_auto_t *all = load(whole), *own = load(added);
        const Column *table;
        size_t n;

        json_object_update(all, own);
        table = columns_table(&n);
        for (size_t i = 0; i < n; i++) {
                _cleanup_free_ char *full = NULL, *sparse = NULL;
                const Column *one = &table[i];
                _cleanup_strv_ Strv names = {};
                json_auto_t *some = NULL;

                ASSERT_OK(columns_needs(&one, 1, &names));
                assert_true(strv_holds(&names, UMLD_PROP_STATE)); /* for the exit status */
                some = chosen(all, &names);
                json_object_update(some, own);
                full = one->cell(all, NOW);
                sparse = one->cell(some, NOW);
                assert_string_not_equal(full, "-"); /* else nothing would be missed */
                assert_string_equal(sparse, full);
        }
}

static void test_once(void **state) {
        const Column *columns[COLUMNS_MAX];
        _cleanup_strv_ Strv names = {};
        size_t n;

        assert_int_equal(columns_choose("uptime,memory,cpu,pid", columns, &n), 0);
        ASSERT_OK(columns_needs(columns, n, &names));
        assert_int_equal(names.n, 6); /* Name, State, Pid, Started, MemorySize, MemoryUsed */
}

/* The question costs time, so it must not be put for the usual list. */
static void test_boot(void **state) {
        const Column *columns[COLUMNS_MAX];
        size_t n;

        assert_int_equal(columns_choose(NULL, columns, &n), 0);
        assert_false(columns_ask_boot(columns, n));
        assert_int_equal(columns_choose("name,enabled", columns, &n), 0);
        assert_true(columns_ask_boot(columns, n));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_needs),
                cmocka_unit_test(test_once),
                cmocka_unit_test(test_boot),
        };

        return RUN_TESTS(tests);
}
