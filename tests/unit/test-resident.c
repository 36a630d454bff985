/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-resident.c - what a start needed is given back, and what is needed again is there. */

#include <alloca.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

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

        resident_trim();
        assert_true(resident() < before);
        /* Constants, code of ours and of the library, and what relocation has made. */
        snprintf(text, sizeof(text), "%s %d %.3f", "still", 42, 1.5);
        assert_string_equal(text, "still 42 1.500");
        resident_trim();
        assert_true(resident() > 0);
}

enum {
        DEEP = 128 * 1024,
};

/* Returns the lowest page of a large frame. */
static __attribute__((noinline)) uintptr_t go_deep(void) {
        volatile char *frame = alloca(DEEP);
        uintptr_t page = (uintptr_t) sysconf(_SC_PAGESIZE);

        for (size_t i = 0; i < DEEP; i++)
                frame[i] = 1;
        return ((uintptr_t) frame + page - 1) / page * page;
}

static bool is_resident(uintptr_t page) {
        unsigned char flags = 0;

        assert_int_equal(mincore((void *) page, 1, &flags), 0);
        return flags & 1;
}

static void test_stack(void **state) {
        uintptr_t deep = go_deep();

        assert_true(is_resident(deep));
        resident_trim();
        assert_false(is_resident(deep));
}

int main(void) {
        const struct CMUnitTest tests[] = { cmocka_unit_test(test_trim),
                                            cmocka_unit_test(test_stack) };

        return RUN_TESTS(tests);
}
