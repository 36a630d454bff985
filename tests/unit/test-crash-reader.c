/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-crash-reader.c - reading crash reports, whole and broken ones. */

#include <string.h>

#include "test.h"

#include "umlctl/crash-reader.h"

static void test_whole(void **state) {
        json_auto_t *c = NULL;

        ASSERT_OK(crash_parse("WHEN=1700000000500000\nVERDICT=panic\nDETAIL=a=b\nRUN_TIME=2500000\n"
                              "BOOTED=yes\nSIGNAL=6\nMEMORY_SIZE=67108864\nMOOD=3\n"
                              "CONSOLE=one\nCONSOLE=\nCONSOLE=WHEN=3\n",
                              &c));
        assert_true(json_real_value(json_object_get(c, "when")) == 1700000000.5);
        assert_string_equal(json_string_value(json_object_get(c, "detail")), "a=b");
        assert_true(json_real_value(json_object_get(c, "run_time")) == 2.5);
        assert_true(json_is_true(json_object_get(c, "booted")));
        assert_int_equal(json_integer_value(json_object_get(c, "signal")), 6);
        assert_true(json_is_null(json_object_get(c, "exit_status")));
        assert_true(json_is_null(json_object_get(c, "tap")));
        assert_int_equal(json_array_size(json_object_get(c, "console")), 3);
        assert_string_equal(json_string_value(json_array_get(json_object_get(c, "console"), 2)),
                            "WHEN=3");
        assert_null(json_object_get(c, "MOOD"));
}

static void test_broken(void **state) {
        static const char *const texts[] = {
                "",
                "\n",
                "WHEN=1\n",
                "VERDICT=panic\n",
                "WHEN=soon\nVERDICT=panic\n",
                "WHEN=-1\nVERDICT=panic\n",
                "WHEN=99999999999999999999\nVERDICT=panic\n",
                "WHEN=1\nVERDICT=\xff\n",
        };
        json_t *c = NULL;

        FOREACH_ELEMENT (t, texts)
                ASSERT_ERROR(crash_parse(*t, &c), EBADMSG);
}

/* What cannot be read of a report does not make the rest of it useless. */
static void test_partly(void **state) {
        json_auto_t *c = NULL;

        ASSERT_OK(crash_parse("WHEN=1\nVERDICT=exit\nSIGNAL=many\nBOOTED=perhaps\nnonsense\n=\n"
                              "DETAIL=\xff\xfe\n",
                              &c));
        assert_true(json_is_null(json_object_get(c, "signal")));
        assert_true(json_is_null(json_object_get(c, "booted")));
        assert_true(json_is_null(json_object_get(c, "detail")));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_whole),
                cmocka_unit_test(test_broken),
                cmocka_unit_test(test_partly),
        };

        return RUN_TESTS(tests);
}
