/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-probe-grade.c - when a service counts as hung, and when not. */

#include <string.h>

#include "test.h"

#include "daemon/base/probe-http.h"
#include "daemon/watch/probe-grade.h"

#define S USEC_PER_SEC

static const ProbeRule rule = { .check = 5 * S, .timeout = 30 * S, .grace_end = 1090 * S };

/* Attempts of that length, all failing, until the service is hung or a day has passed; the time
 * since the first began. */
static usec_t fail_until_hung(ProbeGrade *g, usec_t begin, usec_t length, bool excused) {
        for (usec_t began = begin; began < begin + 86400 * S;
             began = probe_next(&rule, began, began + length))
                if (probe_failed(g, &rule, began, began + length, excused))
                        return began + length - begin;
        return 0;
}

static void test_good(void **state) {
        ProbeGrade g = {};

        assert_int_equal(g.state, PROBE_WAITING);
        probe_answered(&g, 1000 * S, 1000 * S + 700);
        assert_int_equal(g.state, PROBE_GOOD);
        assert_int_equal(g.latency, 700);
}

/* Refused at once or never answered: HangTimeout, and the attempt under way then. */
static void test_hung(void **state) {
        static const usec_t lengths[] = { 0, 1000, S, 5 * S, 7 * S, 10 * S };

        FOREACH_ELEMENT (length, lengths) {
                ProbeGrade g = {};
                usec_t took;

                probe_answered(&g, 1000 * S, 1000 * S);
                took = fail_until_hung(&g, 1005 * S, *length, false);
                assert_in_range(took, 30 * S, 40 * S);
                assert_true(g.failures >= PROBE_FAILURES);
                assert_int_equal(g.state, PROBE_FAILING);
        }
}

/* One answer forgets all failures. */
static void test_recovers(void **state) {
        ProbeGrade g = {};

        probe_answered(&g, 1000 * S, 1000 * S);
        for (usec_t t = 1005 * S; t < 1030 * S; t += 5 * S)
                assert_false(probe_failed(&g, &rule, t, t, false));
        probe_answered(&g, 1030 * S, 1031 * S);
        assert_int_equal(g.state, PROBE_GOOD);
        assert_int_equal(g.failures, 0);
        assert_in_range(fail_until_hung(&g, 1035 * S, 0, false), 30 * S, 40 * S);
}

/* Before its first answer a service has until the end of the grace. */
static void test_grace(void **state) {
        ProbeGrade g = {};
        usec_t took;

        assert_false(probe_failed(&g, &rule, 1000 * S, 1010 * S, false));
        assert_int_equal(g.state, PROBE_WAITING);
        took = fail_until_hung(&g, 1010 * S, 0, false);
        assert_in_range(took, 80 * S + 30 * S, 80 * S + 40 * S);
}

static void test_excused(void **state) {
        ProbeGrade g = {};

        probe_answered(&g, 1000 * S, 1000 * S);
        assert_int_equal(fail_until_hung(&g, 1005 * S, S, true), 0);
        assert_int_equal(g.state, PROBE_GOOD);
        assert_in_range(fail_until_hung(&g, 100000 * S, 0, false), 30 * S, 40 * S);
}

/* umld itself was away for an hour between two attempts: that is not held against the guest. */
static void test_gap(void **state) {
        ProbeGrade g = {};

        probe_answered(&g, 1000 * S, 1000 * S);
        assert_false(probe_failed(&g, &rule, 1005 * S, 1006 * S, false));
        assert_false(probe_failed(&g, &rule, 4700 * S, 4700 * S, false));
        assert_true(g.failing <= 16 * S);
        assert_false(probe_failed(&g, &rule, 4705 * S, 4705 * S, false));
}

/* The host itself is in the way, for a day: nothing is held against the guest, nor later on. */
static void test_unasked(void **state) {
        ProbeGrade g = {};

        probe_answered(&g, 1000 * S, 1000 * S);
        assert_false(probe_failed(&g, &rule, 1005 * S, 1015 * S, false));
        assert_false(probe_failed(&g, &rule, 1015 * S, 1025 * S, false));
        for (usec_t t = 1025 * S; t < 86400 * S; t += 5 * S)
                probe_unasked(&g, t);
        assert_int_equal(g.state, PROBE_UNASKED);
        assert_in_range(fail_until_hung(&g, 86400 * S, 0, false), 30 * S, 40 * S);
}

/* It has its grace still when it can be asked at last. */
static void test_unasked_from_the_beginning(void **state) {
        ProbeGrade g = {};

        probe_unasked(&g, 1000 * S);
        assert_false(probe_failed(&g, &rule, 1005 * S, 1005 * S, false));
        assert_int_equal(g.state, PROBE_WAITING);
        probe_unasked(&g, 1010 * S);
        probe_answered(&g, 1015 * S, 1016 * S);
        assert_int_equal(g.state, PROBE_GOOD);
}

static void test_many(void **state) {
        const ProbeRule quick = { .check = S / 10, .timeout = S / 10 };
        ProbeGrade g = {};

        assert_false(probe_failed(&g, &quick, 1, S, false)); /* time enough, but once */
        assert_false(probe_failed(&g, &quick, 2 * S, 3 * S, false));
        assert_true(probe_failed(&g, &quick, 4 * S, 5 * S, false));
}

static void test_times(void **state) {
        assert_int_equal(probe_limit(&rule), 10 * S);
        assert_int_equal(probe_next(&rule, 1000 * S, 1001 * S), 1005 * S);
        assert_int_equal(probe_next(&rule, 1000 * S, 1009 * S), 1009 * S);
}

static void test_http(void **state) {
        static const struct {
                const char *text;
                int status;
        } cases[] = {
                { "", 0 },
                { "HTTP/1.0 2", 0 },
                { "HTTP/1.0 200", 0 },
                { "HTTP/1.0 200 OK", 200 },
                { "HTTP/1.1 503\r\n", 503 },
                { "HTTP/1.1 2000", -EBADMSG },
                { "HTTP/1.1 099 ", -EBADMSG },
                { "HTTP/2 200 OK", -EBADMSG },
                { "http/1.0 200 OK", -EBADMSG },
                { "SSH-2.0-x", -EBADMSG },
        };

        FOREACH_ELEMENT (c, cases)
                assert_int_equal(probe_http_status(c->text, strlen(c->text)), c->status);
        assert_true(probe_http_good(200) && probe_http_good(302));
        assert_false(probe_http_good(404) || probe_http_good(500) || probe_http_good(101));
}

static void test_names(void **state) {
        for (ProbeState s = 0; s < PROBE_STATE_MAX; s++)
                assert_non_null(probe_state_to_string(s));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_good),     cmocka_unit_test(test_hung),
                cmocka_unit_test(test_recovers), cmocka_unit_test(test_grace),
                cmocka_unit_test(test_unasked),  cmocka_unit_test(test_unasked_from_the_beginning),
                cmocka_unit_test(test_excused),  cmocka_unit_test(test_gap),
                cmocka_unit_test(test_many),     cmocka_unit_test(test_times),
                cmocka_unit_test(test_http),     cmocka_unit_test(test_names),
        };

        return RUN_TESTS(tests);
}
