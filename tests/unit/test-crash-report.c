/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-crash-report.c - the text of crash reports, and how many are kept. */

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "test.h"

#include "api/crash-files.h"
#include "basic/cleanup.h"
#include "basic/file-util.h"
#include "daemon/guest/crash-report.h"

static char directory[64];

static int name_directory(void **state) {
        snprintf(directory, sizeof(directory), "/tmp/test-crash-report.%d", getpid());
        return rm_rf(directory);
}

static int remove_directory(void **state) {
        return rm_rf(directory);
}

static void test_full(void **state) {
        const CrashReport c = {
                .when = 1700000000000001,
                .run_time = 5,
                .verdict = VERDICT_PANIC,
                .detail = "it is on fire",
                .panic = "VFS",
                .booted = true,
                .have_status = true,
                .status = SIGABRT,
                .kernel_path = "/usr/bin/linux.uml",
                .kernel_version = "7.2.7",
                .memory_size = 64,
                .memory_path = "/dev/shm",
                .memory_room = 100,
                .memory_taken = 10,
                .tap = "tap0",
                .tap_state = "up",
                .console = "one\r\ntwo\x1b[31m=red\n\nWHEN=1",
        };
        _cleanup_free_ char *text = crash_report_format(&c);

        assert_string_equal(text, "WHEN=1700000000000001\nVERDICT=panic\nDETAIL=it is on fire\n"
                                  "PANIC=VFS\nRUN_TIME=5\nBOOTED=yes\nSIGNAL=6\n"
                                  "KERNEL_PATH=/usr/bin/linux.uml\nKERNEL_VERSION=7.2.7\n"
                                  "MEMORY_SIZE=64\nMEMORY_PATH=/dev/shm\nMEMORY_ROOM=100\n"
                                  "MEMORY_TAKEN=10\nTAP=tap0\nTAP_STATE=up\n"
                                  "CONSOLE=one\nCONSOLE=two\\x1b[31m=red\nCONSOLE=\n"
                                  "CONSOLE=WHEN=1\n");
}

static void test_little_known(void **state) {
        const CrashReport c = { .verdict = VERDICT_EXIT, .have_status = true, .status = 3 << 8 };
        _cleanup_free_ char *text = crash_report_format(&c);

        assert_string_equal(text, "WHEN=0\nVERDICT=exit\nRUN_TIME=0\nBOOTED=no\nEXIT_STATUS=3\n"
                                  "MEMORY_SIZE=0\n");
}

static unsigned count(const char *text, const char *word) {
        unsigned n = 0;

        for (const char *p = text; (p = strstr(p, word)); p++)
                n++;
        return n;
}

/* However much the guest prints, and whatever it is. */
static void test_bounded(void **state) {
        static char flood[40000], lines[40000];
        CrashReport c = { .verdict = VERDICT_PANIC, .console = flood };
        _cleanup_free_ char *one = NULL, *many = NULL;

        memset(flood, 0xff, sizeof(flood) - 1);
        one = crash_report_format(&c);
        assert_true(strlen(one) < 1000);
        assert_int_equal(count(one, "CONSOLE="), 1);
        for (size_t i = 0; i < sizeof(lines) - 1; i++)
                lines[i] = i % 200 == 199 ? '\n' : '\x01';
        c.console = lines;
        many = crash_report_format(&c);
        assert_true(strlen(many) < CRASH_REPORT_SIZE_MAX);
        assert_int_equal(count(many, "CONSOLE="), 100);
        for (size_t i = 0; i < sizeof(lines) - 1; i++)
                lines[i] = '\n';
        free(many);
        many = crash_report_format(&c);
        assert_int_equal(count(many, "CONSOLE="), 100);
}

static void test_newest_are_kept(void **state) {
        uint64_t numbers[64];
        char path[128];
        struct stat st;

        for (int i = 1; i <= CRASH_REPORTS_MAX + 5; i++) {
                ASSERT_OK(crash_report_write(directory, "x"));
                assert_int_equal(crash_files_list(directory, numbers, 64),
                                 MIN(i, (int) CRASH_REPORTS_MAX));
                assert_true(numbers[0] == (uint64_t) i);
        }
        snprintf(path, sizeof(path), "%s/%08d", directory, CRASH_REPORTS_MAX + 5);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 0777, 0640);
        assert_int_equal(stat(directory, &st), 0);
        assert_int_equal(st.st_mode & 0777, 0750);
}

static void test_cannot_write(void **state) {
        ASSERT_OK(write_file_atomic(directory, "in the way", 10, 0600));
        ASSERT_ERROR(crash_report_write(directory, "x"), ENOTDIR);
        (void) unlink(directory);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_full),
                cmocka_unit_test(test_little_known),
                cmocka_unit_test(test_bounded),
                cmocka_unit_test_setup_teardown(test_newest_are_kept, name_directory,
                                                remove_directory),
                cmocka_unit_test_setup_teardown(test_cannot_write, name_directory,
                                                remove_directory),
        };

        return RUN_TESTS(tests);
}
