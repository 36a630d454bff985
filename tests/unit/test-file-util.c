/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-file-util.c - whole files and directories, in a directory of its own. */

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test.h"

#include "basic/cleanup.h"
#include "basic/file-util.h"
#include "basic/string-util.h"

static char dir[] = "/tmp/umld-test-XXXXXX";

static int set_up(void **state) {
        return mkdtemp(dir) && chdir(dir) >= 0 ? 0 : -1;
}

static int tear_down(void **state) {
        return chdir("/") >= 0 && rm_rf(dir) >= 0 ? 0 : -1;
}

static mode_t mode_of(const char *path) {
        struct stat st;

        assert_int_equal(lstat(path, &st), 0);
        return st.st_mode & 07777;
}

static void test_write_and_read(void **state) {
        _cleanup_free_ char *text = NULL, *cut = NULL, *none = NULL;

        ASSERT_OK(write_file_atomic("f", "hello\nworld\n", 12, 0640));
        assert_int_equal(mode_of("f"), 0640);
        assert_int_equal(read_file("f", 100, &text), 12);
        assert_string_equal(text, "hello\nworld\n");
        assert_int_equal(read_file("f", 5, &cut), 5);
        assert_string_equal(cut, "hello");
        assert_int_equal(read_file("f", 0, &none), 0);
        assert_string_equal(none, "");
}

/* Sizes around those at which the buffer grows. */
static void test_read_sizes(void **state) {
        static const size_t sizes[] = { 0, 1, 4095, 4096, 4097, 8192, 8193, 100000 };

        FOREACH_ELEMENT (size, sizes) {
                _cleanup_free_ char *data = malloc(*size + 1), *seen = NULL;

                memset(data, 'x', *size);
                ASSERT_OK(write_file_atomic("sized", data, *size, 0600));
                assert_int_equal(read_file("sized", 1 << 20, &seen), *size);
                assert_memory_equal(seen, data, *size);
                assert_int_equal(seen[*size], '\0');
        }
}

static void test_read_errors(void **state) {
        char *text = (char *) 1;

        ASSERT_ERROR(read_file("missing", 100, &text), ENOENT);
        ASSERT_ERROR(read_file(".", 100, &text), EISDIR);
        ASSERT_ERROR(read_first_line("missing", &text), ENOENT);
        assert_ptr_equal(text, (char *) 1);
}

static void test_proc_file(void **state) {
        _cleanup_free_ char *text = NULL; /* which has no size to go by */

        assert_true(read_file("/proc/self/maps", 1 << 20, &text) > 0);
        assert_non_null(strstr(text, "[stack]"));
}

static void test_first_line(void **state) {
        _cleanup_free_ char *one = NULL, *two = NULL, *empty = NULL;

        ASSERT_OK(write_file_atomic("one", "only", 4, 0600));
        ASSERT_OK(write_file_atomic("two", "first\nsecond\n", 13, 0600));
        ASSERT_OK(write_file_atomic("empty", "", 0, 0600));
        ASSERT_OK(read_first_line("one", &one));
        assert_string_equal(one, "only");
        ASSERT_OK(read_first_line("two", &two));
        assert_string_equal(two, "first");
        ASSERT_OK(read_first_line("empty", &empty));
        assert_string_equal(empty, "");
}

static void test_atomic(void **state) {
        _cleanup_close_ int old = -EBADF;
        char seen[8] = "";

        ASSERT_OK(write_file_atomic("a", "old", 3, 0600));
        old = open("a", O_RDONLY | O_CLOEXEC);
        assert_true(old >= 0);
        ASSERT_OK(write_file_atomic("a.new", "left by a crash", 15, 0600));
        ASSERT_OK(write_file_atomic("a", "new", 3, 0644));
        assert_int_equal(read(old, seen, sizeof(seen)), 3); /* a reader keeps what it opened */
        assert_string_equal(seen, "old");
        assert_int_equal(access("a.new", F_OK), -1);
        ASSERT_ERROR(write_file_atomic("missing/a", "x", 1, 0600), ENOENT);
        assert_int_equal(mkdir("taken", 0755), 0);
        ASSERT_ERROR(write_file_atomic("taken", "x", 1, 0600), EISDIR);
        assert_int_equal(access("taken.new", F_OK), -1); /* nothing stays of a failure */
}

static void test_write_existing(void **state) {
        _cleanup_free_ char *text = NULL;

        ASSERT_OK(write_file_atomic("e", "1", 1, 0600));
        ASSERT_OK(write_existing("e", "0"));
        ASSERT_OK(read_first_line("e", &text));
        assert_string_equal(text, "0");
        ASSERT_ERROR(write_existing("not-there", "1"), ENOENT);
        assert_int_equal(access("not-there", F_OK), -1);
}

static void test_mkdir_p(void **state) {
        mode_t mask = umask(0077);

        ASSERT_OK(mkdir_p("p/q/r", 0755));
        assert_int_equal(mode_of("p"), 0755);
        assert_int_equal(mode_of("p/q/r"), 0755);
        ASSERT_OK(mkdir_p("p/q/r", 0700)); /* what is there stays as it is */
        assert_int_equal(mode_of("p/q/r"), 0755);
        ASSERT_OK(mkdir_p("p/q//s/", 0700));
        assert_int_equal(mode_of("p/q/s"), 0700);
        ASSERT_OK(mkdir_p("/", 0700));
        ASSERT_ERROR(mkdir_p("", 0700), ENOENT);
        ASSERT_OK(write_file_atomic("file", "", 0, 0600));
        ASSERT_ERROR(mkdir_p("file", 0700), ENOTDIR);
        ASSERT_ERROR(mkdir_p("file/x", 0700), ENOTDIR);
        umask(mask);
}

static void test_plain_directory(void **state) {
        _cleanup_free_ char *real = realpath(".", NULL), *deep = strfmt("%s//real/deep/", real),
                            *last = strfmt("%s/real/link", real),
                            *middle = strfmt("%s/link/deep", real),
                            *file = strfmt("%s/real/file", real),
                            *missing = strfmt("%s/real/none", real);
        _cleanup_close_ int fd = -EBADF, root = -EBADF;
        struct stat a, b;

        ASSERT_OK(mkdir_p("real/deep", 0755));
        ASSERT_OK(symlink("real", "link"));
        ASSERT_OK(symlink("deep", "real/link"));
        ASSERT_OK(write_file_atomic("real/file", "", 0, 0644));
        fd = open_plain_directory(deep);
        ASSERT_OK(fstat(fd, &a));
        ASSERT_OK(stat("real/deep", &b));
        assert_true(a.st_ino == b.st_ino && a.st_dev == b.st_dev);
        root = open_plain_directory("/");
        assert_true(root >= 0);
        ASSERT_ERROR(open_plain_directory(last), ELOOP);
        ASSERT_ERROR(open_plain_directory(middle), ELOOP);
        ASSERT_ERROR(open_plain_directory(file), ENOTDIR);
        ASSERT_ERROR(open_plain_directory(missing), ENOENT);
        ASSERT_OK(rm_rf("real"));
        ASSERT_OK(unlink("link"));
}

static void test_rm_rf(void **state) {
        ASSERT_OK(mkdir_p("t/sub/deep", 0755));
        ASSERT_OK(mkdir_p("kept", 0755));
        ASSERT_OK(write_file_atomic("kept/file", "x", 1, 0600));
        ASSERT_OK(write_file_atomic("t/sub/file", "x", 1, 0));
        assert_int_equal(symlink("../kept", "t/link"), 0);
        assert_int_equal(symlink("nowhere", "t/dangling"), 0);
        ASSERT_OK(rm_rf("t"));
        assert_int_equal(access("t", F_OK), -1);
        assert_int_equal(access("kept/file", F_OK), 0); /* no link is followed */
        ASSERT_OK(rm_rf("t"));
        ASSERT_OK(rm_rf("kept/file"));
        assert_int_equal(access("kept/file", F_OK), -1);
}

/* A guest may nest its directory deeper than any path or any stack. */
static void test_rm_rf_deep(void **state) {
        ASSERT_OK(mkdir_p("deep", 0755));
        assert_int_equal(chdir("deep"), 0);
        ASSERT_OK(write_file_atomic(".umld-removed.1", "x", 1, 0600)); /* what it lifts to */
        for (int i = 0; i < 2500; i++) {
                assert_int_equal(mkdir("d", 0755), 0);
                assert_int_equal(mkdir("e", 0755), 0);
                assert_int_equal(chdir("d"), 0);
        }
        assert_int_equal(chdir(dir), 0);
        ASSERT_OK(rm_rf("deep"));
        assert_int_equal(access("deep", F_OK), -1);
}

/* Somebody exchanges a directory and a link to a foreign one, on and on, while it is removed. */
static void test_rm_rf_race(void **state) {
        pid_t pid;

        ASSERT_OK(mkdir_p("foreign", 0755));
        pid = fork();
        if (pid == 0)
                for (;;) {
                        (void) !mkdir("raced", 0755);
                        (void) !mkdir("raced/x", 0755);
                        (void) !symlink("../foreign", "raced/y");
                        (void) !close(open("raced/x/file", O_CREAT | O_WRONLY, 0600));
                        (void) !syscall(SYS_renameat2, AT_FDCWD, "raced/x", AT_FDCWD, "raced/y",
                                        2 /* RENAME_EXCHANGE */);
                }
        for (int i = 0; i < 500; i++) {
                ASSERT_OK(write_file_atomic("foreign/file", "x", 1, 0600));
                (void) rm_rf("raced"); /* may find it full again */
                assert_int_equal(access("foreign/file", F_OK), 0);
        }
        assert_int_equal(kill(pid, SIGKILL), 0);
        assert_int_equal(waitpid(pid, NULL, 0), pid);
        ASSERT_OK(rm_rf("raced"));
}

static void test_clear_directory(void **state) {
        ASSERT_OK(mkdir_p("c/sub/deep", 0755));
        ASSERT_OK(write_file_atomic("c/lock", "x", 1, 0600));
        ASSERT_OK(write_file_atomic("c/bus", "x", 1, 0600));
        ASSERT_OK(clear_directory("c", "lock"));
        assert_int_equal(access("c/lock", F_OK), 0);
        assert_int_equal(access("c/bus", F_OK), -1);
        assert_int_equal(access("c/sub", F_OK), -1);
        ASSERT_OK(clear_directory("c", NULL));
        assert_int_equal(rmdir("c"), 0);
        ASSERT_OK(clear_directory("c", NULL));
}

static void test_unlink_quiet(void **state) {
        ASSERT_OK(write_file_atomic("u", "", 0, 0600));
        assert_int_equal(unlink_quiet("u"), 1);
        assert_int_equal(unlink_quiet("u"), 0);
        ASSERT_ERROR(unlink_quiet("."), EISDIR);
}

static void test_memstream(void **state) {
        _cleanup_free_ char *text = NULL;
        size_t size = 0;
        FILE *f = open_memstream(&text, &size), *cut;
        char *none = NULL;

        assert_non_null(f);
        fputs("whole", f);
        ASSERT_OK(memstream_close(f, &text));
        assert_string_equal(text, "whole");
        /* What fclose() leaves if it cannot allocate the text, with success. */
        f = fopen("/dev/null", "w");
        assert_non_null(f);
        ASSERT_ERROR(memstream_close(f, &none), ENOMEM);
        /* A write that failed before the end. */
        cut = fopen("/dev/full", "w");
        assert_non_null(cut);
        setbuf(cut, NULL);
        fputs("x", cut);
        ASSERT_ERROR(memstream_close(cut, &text), ENOMEM);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_write_and_read),  cmocka_unit_test(test_read_sizes),
                cmocka_unit_test(test_read_errors),     cmocka_unit_test(test_proc_file),
                cmocka_unit_test(test_first_line),      cmocka_unit_test(test_atomic),
                cmocka_unit_test(test_write_existing),  cmocka_unit_test(test_mkdir_p),
                cmocka_unit_test(test_rm_rf),           cmocka_unit_test(test_rm_rf_deep),
                cmocka_unit_test(test_rm_rf_race),      cmocka_unit_test(test_clear_directory),
                cmocka_unit_test(test_unlink_quiet),    cmocka_unit_test(test_memstream),
                cmocka_unit_test(test_plain_directory),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, set_up, tear_down);
}
