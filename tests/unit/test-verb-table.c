/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-verb-table.c - verbs by name and by unique prefix. */

#include "test.h"

#include "basic/string-util.h"
#include "umlctl/verb-table.h"

static const Verb verbs[] = {
        { .name = "status" }, { .name = "start" }, { .name = "stop" },
        { .name = "kill" },   { .name = "ki" },
};

static void check_found(const char *name, const char *expected) {
        const Verb *v = NULL;
        char *candidates = NULL;

        ASSERT_OK(verb_find(verbs, ARRAY_SIZE(verbs), name, &v, &candidates));
        assert_string_equal(v->name, expected);
        assert_null(candidates);
}

static void test_found(void **state) {
        check_found("status", "status");
        check_found("stat", "status");
        check_found("star", "start");
        check_found("sto", "stop");
        check_found("kil", "kill");
        check_found("ki", "ki"); /* a whole name is never ambiguous */
}

static void test_not_found(void **state) {
        const Verb *v = NULL;
        char *candidates = NULL;

        ASSERT_ERROR(verb_find(verbs, ARRAY_SIZE(verbs), "x", &v, &candidates), ENOENT);
        ASSERT_ERROR(verb_find(verbs, ARRAY_SIZE(verbs), "stopp", &v, &candidates), ENOENT);
        ASSERT_ERROR(verb_find(verbs, ARRAY_SIZE(verbs), "Stop", &v, &candidates), ENOENT);
        ASSERT_ERROR(verb_find(verbs, ARRAY_SIZE(verbs), "", &v, &candidates), ENOENT);
        assert_null(v);
        assert_null(candidates);
}

static void test_ambiguous(void **state) {
        _cleanup_free_ char *candidates = NULL;
        const Verb *v = NULL;

        ASSERT_ERROR(verb_find(verbs, ARRAY_SIZE(verbs), "st", &v, &candidates), ENOTUNIQ);
        assert_string_equal(candidates, "status, start, stop");
        assert_null(v);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_found),
                cmocka_unit_test(test_not_found),
                cmocka_unit_test(test_ambiguous),
        };

        return RUN_TESTS(tests);
}
