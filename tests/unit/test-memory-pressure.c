/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-memory-pressure.c - is promised memory there, and what does the balloon do about it? */

#include <stdio.h>

#include "test.h"

#include "basic/cleanup.h"
#include "daemon/watch/balloon.h"
#include "daemon/watch/memory-pressure.h"

#define MIB (UINT64_C(1) << 20)

static void check(const MemoryFigures *f, MemoryPressure before, MemoryPressure expected, bool host,
                  const char *sentence) {
        _cleanup_free_ char *why = NULL;
        bool is_host = false;

        assert_int_equal(memory_judge(f, before, &why, &is_host), (int) expected);
        assert_int_equal(is_host, host);
        if (sentence)
                assert_string_equal(why, sentence);
        else
                assert_null(why);
}

static void test_file_system(void **state) {
        MemoryFigures f = { .fs_path = "/dev/shm", .fs_size = 100 * MIB, .fs_used = 40 * MIB };

        f.fs_open = 50 * MIB;
        check(&f, PRESSURE_NONE, PRESSURE_NONE, false, NULL);
        f.fs_open = 51 * MIB;
        check(&f, PRESSURE_NONE, PRESSURE_TIGHT, false,
              "/dev/shm is nearly full: 40M of 100M are used, and guests may use 51M more");
        f.fs_open = 60 * MIB;
        check(&f, PRESSURE_NONE, PRESSURE_TIGHT, false,
              "/dev/shm is nearly full: 40M of 100M are used, and guests may use 60M more");
        f.fs_open = 61 * MIB;
        check(&f, PRESSURE_NONE, PRESSURE_SHORT, false,
              "/dev/shm is too small: 40M of 100M are used, and guests may use 61M more");
        f.fs_size = 0; /* no limit but the host's */
        check(&f, PRESSURE_NONE, PRESSURE_NONE, false, NULL);
        f = (MemoryFigures){ .fs_path = "/x", .fs_size = 1, .fs_used = UINT64_MAX, .fs_open = 9 };
        check(&f, PRESSURE_NONE, PRESSURE_SHORT, false,
              "/x is too small: 17592186044416M of 1M are used, and guests may use 1M more");
}

/* It does not come and go around one figure. */
static void test_distance(void **state) {
        MemoryFigures f = { .fs_path = "/dev/shm", .fs_size = 100 * MIB, .fs_used = 87 * MIB };

        check(&f, PRESSURE_NONE, PRESSURE_NONE, false, NULL);
        check(&f, PRESSURE_TIGHT, PRESSURE_TIGHT, false,
              "/dev/shm is nearly full: 87M of 100M are used, and guests may use 0M more");
        f.fs_used = 85 * MIB;
        check(&f, PRESSURE_SHORT, PRESSURE_NONE, false, NULL);
}

static void test_host(void **state) {
        MemoryFigures f = {
                .limits = { { .name = "MemAvailable", .limit = 1000 * MIB, .left = 500 * MIB },
                            { .name = "a group", .limit = 200 * MIB, .left = 100 * MIB } },
                .n_limits = 2,
                .open = 80 * MIB,
        };

        check(&f, PRESSURE_NONE, PRESSURE_NONE, false, NULL);
        f.open = 81 * MIB;
        check(&f, PRESSURE_NONE, PRESSURE_TIGHT, true,
              "the host's memory is nearly full: 100M of 200M are left (a group), and guests may "
              "use 81M");
        f.open = 101 * MIB;
        check(&f, PRESSURE_NONE, PRESSURE_SHORT, true,
              "the host's memory is overcommitted: 100M of 200M are left (a group), and guests may "
              "use 101M");
        f.limits[1].swap = 50 * MIB; /* slow, but no death */
        check(&f, PRESSURE_NONE, PRESSURE_TIGHT, true,
              "the host's memory is nearly full: 100M of 200M are left (a group), and guests may "
              "use 101M");
        f.fs_path = "/dev/shm"; /* the worse of two is told */
        f.fs_size = 10 * MIB;
        f.fs_used = 20 * MIB;
        check(&f, PRESSURE_NONE, PRESSURE_SHORT, false,
              "/dev/shm is too small: 20M of 10M are used, and guests may use 0M more");
}

static void test_balloon(void **state) {
        static const struct {
                BalloonState s;
                int64_t expected;
        } cases[] = {
                { { .memory = 80 }, 0 },
                { { .memory = 80, .pressed = true }, 10 },
                { { .memory = 80, .held = 30, .pressed = true }, 10 },
                { { .memory = 80, .held = 31, .pressed = true }, 0 }, /* never more than half */
                { { .memory = 80, .held = 40, .pressed = true, .calm = 99 }, 0 },
                { { .memory = 80, .held = 25, .calm = 5 }, 0 },
                { { .memory = 80, .held = 25, .calm = 6 }, -10 },
                { { .memory = 80, .held = 5, .calm = 100 }, -5 },
                { { .memory = 80, .held = 0, .calm = 100 }, 0 },
        };

        FOREACH_ELEMENT (c, cases)
                assert_int_equal(balloon_decide(&c->s), c->expected);
}

static void test_room(void **state) {
        static const struct {
                const char *meminfo;
                uint64_t room;
        } cases[] = {
                { "\nMemTotal: 250000 kB\nMemFree:  108192 kB\nCached: 1 kB\n",
                  UINT64_C(108192) * 1024 - 8 * MIB },
                { "MemFree: 8192 kB\n", 0 },
                { "MemFree: 8193 kB\n", 0 }, /* less than a page */
                { "MemFree: 8197 kB\n", 4096 },
                { "MemFree: 0 kB\n", 0 },
                { "", 0 },
                { "MemFree: lots\n", 0 },
                { "MemFree: 99999999999999 kB\n", 256 * MIB }, /* a guest may say anything */
        };

        FOREACH_ELEMENT (c, cases)
                assert_int_equal(balloon_room(c->meminfo, 256 * MIB), c->room);
        assert_int_equal(balloon_room("MemFree: 3072 kB", 32 * MIB), MIB);
}

static void test_names(void **state) {
        for (MemoryPressure p = 0; p < MEMORY_PRESSURE_MAX; p++)
                assert_non_null(memory_pressure_to_string(p));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_file_system), cmocka_unit_test(test_distance),
                cmocka_unit_test(test_host),        cmocka_unit_test(test_balloon),
                cmocka_unit_test(test_room),        cmocka_unit_test(test_names),
        };

        return RUN_TESTS(tests);
}
