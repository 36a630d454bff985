/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-status-fields.c - the table of status fields, and what is made of it. */

#include <stdio.h>

#include "test.h"

#include "api/guest-state.h"
#include "basic/string-util.h"
#include "umlctl/status-fields.h"
#include "umlctl/status-value.h"

#define NOW (UINT64_C(1700000000) * USEC_PER_SEC)

static json_t *props_from(const char *text) {
        json_error_t error;
        json_t *props = json_loads(text, 0, &error);

        if (!props)
                fail_msg("%s", error.text);
        return props;
}

static void check_json(const char *text, const char *path, const char *key, const char *expected) {
        json_auto_t *props = props_from(text), *root = NULL;
        _cleanup_free_ char *seen = NULL;

        ASSERT_OK(status_to_json(props, NOW, &root));
        seen = json_dumps(json_object_get(path ? json_object_get(root, path) : root, key),
                          JSON_ENCODE_ANY | JSON_COMPACT);
        assert_non_null(seen);
        assert_string_equal(seen, expected);
}

static void test_json(void **state) {
        check_json("{}", NULL, "name", "null");
        check_json("{}", "kernel", "version", "null");
        check_json("{}", "network", "forwards", "[]");
        check_json("{}", NULL, "confinement", "{}");
        check_json("{\"State\": \"running\"}", NULL, "state", "\"running\"");
        check_json("{\"KernelVersion\": \"\"}", "kernel", "version", "null");
        check_json("{\"Pid\": 0}", NULL, "pid", "null");
        check_json("{\"Pid\": 7}", NULL, "pid", "7");
        check_json("{\"Restarts\": 0}", NULL, "restarts", "0");
        check_json("{\"MemoryUsed\": 0}", "memory", "used", "0");
        check_json("{\"GuestMemory\": 0}", "guest", "memory", "null");
        check_json("{\"GuestMemory\": 4096}", "guest", "memory", "4096");
        check_json("{\"Since\": 1500000}", NULL, "since", "1.5");
        check_json("{\"Since\": 0}", NULL, "since", "null");
        check_json("{\"Started\": 1699999999500000, \"Pid\": 7}", NULL, "uptime", "0.5");
        check_json("{\"Started\": 1699999999500000, \"Pid\": 0}", NULL, "uptime", "null");
        check_json("{\"Started\": 1700000001000000, \"Pid\": 7}", NULL, "uptime",
                   "0.0"); /* the clock was set */
        check_json("{\"Forwards\": [\"tcp/80\"]}", "network", "forwards", "[\"tcp/80\"]");
        /* of another type than agreed */
        check_json("{\"State\": 7, \"Restarts\": \"many\", \"Forwards\": \"all\"}", NULL, "state",
                   "null");
        check_json("{\"State\": 7, \"Restarts\": \"many\", \"Forwards\": \"all\"}", NULL,
                   "restarts", "null");
        check_json("{\"State\": 7, \"Restarts\": \"many\", \"Forwards\": \"all\"}", "network",
                   "forwards", "[]");
}

static void test_table(void **state) {
        for (size_t i = 0; i < n_status_fields; i++) {
                const StatusField *f = &status_fields[i];

                assert_true(f->json && f->property);
                assert_true(!f->format || f->label); /* else nobody calls it */
                for (size_t j = 0; j < i; j++) {
                        assert_string_not_equal(f->json, status_fields[j].json);
                        assert_string_not_equal(f->property, status_fields[j].property);
                }
        }
}

static void check_text(const char *text, const char *expected) {
        json_auto_t *props = props_from(text);
        _cleanup_free_ char *seen = NULL;
        size_t size = 0;
        FILE *f = open_memstream(&seen, &size);

        assert_non_null(f);
        ASSERT_OK(status_print(f, props, NOW, false, true));
        fclose(f);
        assert_string_equal(seen, expected);
}

static void test_text(void **state) {
        setenv("TZ", "UTC", true);
        check_text("{\"Name\": \"web\", \"State\": \"stopped\"}", "○ web - stopped\n");
        check_text("{}", "● ? - unknown\n");
        check_text("{\"Name\": \"web\", \"State\": \"running\", \"Since\": 1699999700000000}",
                   "● web - running since Tue 2023-11-14 22:08:20 UTC; 5min ago\n");
        check_text("{\"Name\": \"web\", \"State\": \"failed\", \"LastVerdict\": \"disk\"}",
                   "● web - failed\n   Last exit: disk\n");
        check_text("{\"Name\": \"web\", \"State\": \"running\", \"LastVerdict\": \"none\", "
                   "\"NextStart\": 0}",
                   "● web - running\n");
        check_text("{\"Name\": \"web\", \"State\": \"running\", \"Confinement\": {\"user\": \"1\", "
                   "\"ipc\": \"\"}}",
                   "● web - running\n Confinement: user 1\n");
        check_text("{\"Name\": \"web\", \"State\": \"running\", "
                   "\"GuestCongestionControl\": \"bbr\", \"GuestQdisc\": \"fq\", "
                   "\"GuestLoad\": \"0.12 0.05 0.01\", \"GuestMemory\": 54525952, "
                   "\"GuestMemoryAvailable\": 41943040}",
                   "● web - running\n       Guest: bbr with fq, load 0.12 0.05 0.01, 40M of 52M "
                   "available\n");
        check_text("{\"Name\": \"web\", \"State\": \"running\", \"GuestLoad\": \"\", "
                   "\"GuestMemory\": 0}",
                   "● web - running\n");
        check_text("{\"Name\": \"web\", \"State\": \"running\", \"Unconfirmed\": \"pending\", "
                   "\"ConfirmUntil\": 1700000042000000}",
                   "● web - running\n Unconfirmed: the last reload; will be reverted in 42s\n");
        check_text("{\"Name\": \"web\", \"State\": \"running\", \"HeldNow\": 3, "
                   "\"HeldTotal\": 127, \"HeldDropped\": 0}",
                   "● web - running\n        Held: 3 now, 127 in all, 0 dropped\n");
        check_text("{\"Name\": \"web\", \"State\": \"running\", \"Unconfirmed\": \"taken-back\"}",
                   "● web - running\n Unconfirmed: the configuration file as it is; it was "
                   "reverted and is not in effect\n");
        check_text("{\"Name\": \"a\\nb\", \"State\": \"\\u001b\"}", "● a\\x0ab - \\x1b\n");
}

static void test_sizes(void **state) {
        static const struct {
                uint64_t size;
                const char *text;
        } cases[] = {
                { 0, "0B" },
                { 1023, "1023B" },
                { 1024, "1K" },
                { 1536, "1.5K" },
                { 64 << 20, "64M" },
                { (64 << 20) + 1, "64M" },
                { (1 << 20) - 1, "1M" },
                { UINT64_C(3) << 29, "1.5G" },
                { UINT64_MAX, "16E" },
        };

        FOREACH_ELEMENT (c, cases)
                assert_string_equal(format_size((char[FORMAT_SIZE_MAX]){ 0 }, c->size), c->text);
}

static void test_until(void **state) {
        static const struct {
                usec_t left;
                const char *text;
        } cases[] = {
                { 0, "now" },
                { 49 * USEC_PER_MSEC, "now" },
                { 999606, "in 1s" },
                { 59999858, "in 1min" },
                { 1234 * USEC_PER_MSEC, "in 1s 200ms" },
        };

        FOREACH_ELEMENT (c, cases) {
                _cleanup_free_ char *text = status_until_text(NOW + c->left, NOW);

                assert_string_equal(text, c->text);
        }
}

static void test_colours(void **state) {
        assert_int_equal(status_colour("running"), COLOUR_GREEN);
        assert_int_equal(status_colour("failed"), COLOUR_RED);
        assert_int_equal(status_colour("unknown"), COLOUR_RED);
        for (GuestState s = 0; s < GUEST_STATE_MAX; s++)
                assert_int_not_equal(status_colour(guest_state_to_string(s)), COLOUR_NONE);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_json),  cmocka_unit_test(test_table),
                cmocka_unit_test(test_text),  cmocka_unit_test(test_sizes),
                cmocka_unit_test(test_until), cmocka_unit_test(test_colours),
        };

        return RUN_TESTS(tests);
}
