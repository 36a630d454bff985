/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-crash-files.c - names and order of crash reports. */

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "test.h"

#include "api/crash-files.h"
#include "basic/file-util.h"

static char directory[64];

static int make_directory(void **state) {
        snprintf(directory, sizeof(directory), "/tmp/test-crash-files.%d", getpid());
        ASSERT_OK(rm_rf(directory));
        return mkdir_p(directory, 0700);
}

static int remove_directory(void **state) {
        return rm_rf(directory);
}

static void put(const char *file) {
        char path[128];

        snprintf(path, sizeof(path), "%s/%s", directory, file);
        ASSERT_OK(write_file_atomic(path, "x", 1, 0600));
}

static void test_names(void **state) {
        uint64_t n = 0;

        assert_true(crash_file_number("00000001", &n));
        assert_true(n == 1);
        assert_true(crash_file_number("123456789012", &n));
        assert_true(n == 123456789012);
        assert_false(crash_file_number("", &n));
        assert_false(crash_file_number("1", &n));
        assert_false(crash_file_number("00000000", &n));
        assert_false(crash_file_number("00000001.new", &n));
        assert_false(crash_file_number("-0000001", &n));
        assert_false(crash_file_number(" 0000001", &n));
        assert_false(crash_file_number("18446744073709551615", &n)); /* has no successor */
        assert_false(crash_file_number("99999999999999999999", &n));
}

static void test_newest_first(void **state) {
        uint64_t numbers[4] = {};

        put("00000003");
        put("00000100");
        put("00000004.new");
        put("notes");
        put("00000002");
        assert_int_equal(crash_files_list(directory, numbers, 4), 3);
        assert_true(numbers[0] == 100 && numbers[1] == 3 && numbers[2] == 2);
        for (int i = 10; i < 20; i++) {
                char file[16];

                snprintf(file, sizeof(file), "%08d", i);
                put(file);
        }
        assert_int_equal(crash_files_list(directory, numbers, 4), 13);
        assert_true(numbers[0] == 100 && numbers[1] == 19 && numbers[2] == 18 && numbers[3] == 17);
        assert_int_equal(crash_files_list(directory, numbers, 0), 13);
}

static void test_none(void **state) {
        uint64_t n;

        assert_int_equal(crash_files_list("/nonexistent/crashes", &n, 1), 0);
        assert_int_equal(crash_files_list("/proc/self/stat", &n, 1), -ENOTDIR);
}

static void test_paths(void **state) {
        char *path;

        setenv("UMLD_STATE_DIR", "/s", 1);
        path = crash_path("web", 7);
        assert_string_equal(path, "/s/web/crashes/00000007");
        free(path);
        unsetenv("UMLD_STATE_DIR");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_names),
                cmocka_unit_test_setup_teardown(test_newest_first, make_directory,
                                                remove_directory),
                cmocka_unit_test(test_none),
                cmocka_unit_test(test_paths),
        };

        return RUN_TESTS(tests);
}
