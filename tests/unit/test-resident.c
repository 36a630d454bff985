/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-resident.c - what a start needed is given back, and what is needed again is there. */

#include <stdio.h>

#include "test.h"

#include "basic/cleanup.h"
#include "host/resident.h"

/* In pages. */
static long resident(void) {
        _cleanup_fclose_ FILE *f = fopen("/proc/self/statm", "re");
        long n = 0;

        assert_non_null(f);
        assert_int_equal(fscanf(f, "%*d %ld", &n), 1);
        return n;
}

static void test_trim(void **state) {
        static char text[64];
        long before = resident();

        (void) state;
        resident_trim();
        assert_true(resident() < before);
        /* Constants, code of ours and of the library, and what relocation has made. */
        snprintf(text, sizeof(text), "%s %d %.3f", "still", 42, 1.5);
        assert_string_equal(text, "still 42 1.500");
        resident_trim();
        assert_true(resident() > 0);
}

int main(void) {
        const struct CMUnitTest tests[] = { cmocka_unit_test(test_trim) };

        return RUN_TESTS(tests);
}
