/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-console-log.c - files that umld writes, read back as umlctl does. */

#include "test.h"

#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "basic/file-util.h"
#include "basic/string-util.h"
#include "daemon/console/log.h"
#include "umlctl/log-files.h"
#include "umlctl/log-reader.h"

static char *directory, *path;

static int set_up(void **state) {
        directory = strdup("/tmp/umld-test-XXXXXX");
        assert_non_null(mkdtemp(directory));
        path = strfmt("%s/console.log", directory);
        return 0;
}

static int tear_down(void **state) {
        (void) rm_rf(directory);
        free(directory);
        free(path);
        return 0;
}

static ConsoleLog *open_log(uint64_t max, unsigned files) {
        ConsoleLog *log = NULL;

        ASSERT_OK(console_log_open(path, max, files, (gid_t) -1, &log));
        return log;
}

static void put(ConsoleLog *log, const char *text) {
        console_log_write(log, text, strlen(text));
}

/* Every line as "K text|", one that is not whole with "…" */
static void add_record(const LogRecord *r, void *userdata) {
        FILE *f = userdata;

        fprintf(f, "%c", r->kind);
        for (size_t i = 0; i < r->size; i++)
                fputc(r->text[i], f);
        fputs(r->whole ? "|" : "…|", f);
}

static char *read_back(void) {
        char *text = NULL, buf[777];
        size_t size;
        FILE *f = open_memstream(&text, &size);
        LogReader reader = { .record = add_record, .userdata = f };
        LogFiles files = {};

        ASSERT_OK(log_files_open(path, &files));
        for (size_t i = 0; i < files.n; i++) {
                ssize_t n;

                while ((n = read(files.fds[i], buf, sizeof(buf))) > 0)
                        log_reader_put(&reader, buf, (size_t) n);
                if (i + 1 < files.n)
                        log_reader_finish(&reader);
        }
        log_reader_peek(&reader);
        log_files_close(&files);
        fclose(f);
        return text;
}

static void expect(const char *expected) {
        char *text = read_back();

        assert_string_equal(text, expected);
        free(text);
}

static void test_heads(void **state) {
        static const char *const bad[] = {
                "2026-13-21T23:02:09.123Z ", "2026-11-21T24:02:09.123Z ",
                "2026-11-21 23:02:09.123Z ", "2026-11-21T23:02:09.123ZX",
                "2026-11-21T23:02:09.123Z",  "20a6-11-21T23:02:09.123Z ",
                "1969-11-21T23:02:09.123Z ",
        };
        char head[LOG_HEAD_SIZE + 1] = {};
        LogKind kind;
        usec_t when;

        log_head_format(1795302129123456, LOG_MORE, head);
        assert_string_equal(head, "2026-11-21T23:02:09.123Z+");
        assert_true(log_head_parse(head, LOG_HEAD_SIZE, &when, &kind));
        assert_true(when == 1795302129123000 && kind == LOG_MORE);
        FOREACH_ELEMENT (b, bad)
                assert_false(log_head_parse(*b, strlen(*b), &when, &kind));
        log_head_format(USEC_INFINITY, LOG_LINE, head);
        assert_true(log_head_parse(head, LOG_HEAD_SIZE, &when, &kind));
}

static void test_lines(void **state) {
        ConsoleLog *log = open_log(1 << 20, 5);

        console_log_mark(log, LOG_MARK_BOOT, "6.1.176");
        put(log, "one\r\ntw");
        expect("=boot 6.1.176| one\r| tw…|");
        put(log, "o\n\nlogin: ");
        expect("=boot 6.1.176| one\r| two| | login: …|");
        console_log_mark(log, LOG_MARK_END, "panic: all is lost");
        console_log_close(log);
        put(log = open_log(1 << 20, 5), "unfinished");
        console_log_close(log);
        put(log = open_log(1 << 20, 5), "new\n"); /* umld was killed in between */
        console_log_close(log);
        {
                _cleanup_free_ char *text = read_back();

                assert_non_null(strstr(text, "| login: |=end panic: all is lost| "));
                assert_non_null(strstr(text, " unfinished| new|"));
        }
}

static void test_binary(void **state) {
        ConsoleLog *log = open_log(1 << 20, 5);
        const size_t line_end = (size_t) '\n'; /* where in all the first line ends */
        char all[256], back[1024];
        FILE *f;

        for (int i = 0; i < 256; i++)
                all[i] = (char) i;
        console_log_write(log, all, sizeof(all));
        console_log_close(log);
        f = fopen(path, "r");
        assert_non_null(f);
        assert_int_equal(fread(back, 1, sizeof(back), f), 2 * LOG_HEAD_SIZE + 256);
        fclose(f);
        assert_memory_equal(back + LOG_HEAD_SIZE, all, line_end + 1);
        assert_memory_equal(back + 2 * LOG_HEAD_SIZE + line_end + 1, all + line_end + 1,
                            255 - line_end);
}

/* A guest cannot make a mark, or a line of another time. */
static void test_forged_mark(void **state) {
        ConsoleLog *log = open_log(1 << 20, 5);

        put(log, "2026-11-21T23:02:09.123Z=end poweroff: of course\nx\n");
        expect(" 2026-11-21T23:02:09.123Z=end poweroff: of course| x|");
        console_log_close(log);
}

static void test_long_line(void **state) {
        ConsoleLog *log = open_log(1 << 20, 5);
        char text[3 * LOG_TEXT_MAX];
        char *seen;

        memset(text, 'x', sizeof(text));
        console_log_write(log, text, LOG_TEXT_MAX + 10);
        put(log, "\nnext\n");
        seen = read_back();
        assert_int_equal(strlen(seen), 2 + LOG_TEXT_MAX + 2 + 10 + strlen(" next|"));
        assert_true(startswith(seen + 2 + LOG_TEXT_MAX, "+xxxxxxxxxx| next|"));
        free(seen);
        console_log_close(log);
}

static void test_rotation(void **state) {
        ConsoleLog *log = open_log(10000, 3);
        uint64_t total = 0;

        for (int i = 0; i < 5000; i++) {
                char line[64];

                snprintf(line, sizeof(line), "line %d\r\n", i);
                put(log, line);
        }
        console_log_close(log);
        for (int i = 0; i < 5; i++) {
                char *name = i == 0 ? strdup(path) : strfmt("%s.%d", path, i);
                struct stat st;

                if (i < 3) {
                        ASSERT_OK(stat(name, &st));
                        assert_true(st.st_size <= 10000);
                        total += (uint64_t) st.st_size;
                } else
                        assert_int_equal(stat(name, &st), -1);
                free(name);
        }
        assert_true(total > 12000); /* each is left when a line of full length might not fit */
        {
                _cleanup_free_ char *seen = read_back();
                int first = atoi(strstr(seen, "line ") + 5);

                assert_true(first > 4000);
                for (int i = first; i < 5000; i++) {
                        char line[64];

                        snprintf(line, sizeof(line), " line %d\r|", i);
                        assert_non_null(strstr(seen, line));
                }
        }
}

static void test_one_file_only(void **state) {
        ConsoleLog *log = open_log(8192, 1);
        struct stat st;

        for (int i = 0; i < 1000; i++)
                put(log, "all in one file\n");
        console_log_close(log);
        ASSERT_OK(stat(path, &st));
        assert_true(st.st_size <= 8192);
}

/* The file may not grow: as on a full disk. */
static void test_full_disk(void **state) {
        struct rlimit before, limit;
        ConsoleLog *log = open_log(1 << 20, 5);
        _cleanup_free_ char *seen = NULL;

        ASSERT_OK(getrlimit(RLIMIT_FSIZE, &before));
        limit = before;
        limit.rlim_cur = 1000;
        put(log, "before\n");
        signal(SIGXFSZ, SIG_IGN);
        ASSERT_OK(setrlimit(RLIMIT_FSIZE, &limit));
        for (int i = 0; i < 100; i++)
                put(log, "there is no room for this line any more\n");
        ASSERT_OK(setrlimit(RLIMIT_FSIZE, &before));
        put(log, "after\n");
        console_log_close(log);
        seen = read_back();
        assert_true(startswith(seen, " before| there"));
        assert_non_null(strstr(seen, "|=lost "));
        assert_non_null(strstr(seen, " bytes| after|"));
}

/* What log --follow has to do when the files are renamed under it. */
static void test_renewal(void **state) {
        ConsoleLog *log = open_log(8192, 4);
        LogFiles files = {};

        put(log, "first\n");
        ASSERT_OK(log_files_open(path, &files));
        assert_int_equal(files.n, 1);
        assert_true(log_files_current(&files));
        for (int i = 0; i < 300; i++) /* 40 bytes a line: more than one file */
                put(log, "fourteen bytes\n");
        assert_false(log_files_current(&files));
        assert_int_equal(ASSERT_OK(log_files_renew(&files)), 1);
        assert_true(files.n >= 2 && files.n <= 4);
        assert_true(log_files_current(&files));
        for (int i = 0; i < 3000; i++)
                put(log, "fourteen bytes\n");
        assert_int_equal(ASSERT_OK(log_files_renew(&files)), 0); /* ours is gone */
        assert_true(log_files_current(&files));
        log_files_close(&files);
        console_log_close(log);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_heads, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_lines, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_binary, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_forged_mark, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_long_line, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_rotation, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_one_file_only, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_full_disk, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_renewal, set_up, tear_down),
        };

        return RUN_TESTS(tests);
}
