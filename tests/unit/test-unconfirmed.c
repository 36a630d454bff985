/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-unconfirmed.c - what is kept of a reload that nobody confirmed. */

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "test.h"

#include "basic/cleanup.h"
#include "basic/file-util.h"
#include "daemon/guest/unconfirmed.h"

#define OLD "[Network]\nForward=tcp/80\n"
#define NEW "[Network]\nForward=tcp/81\n"

static char directory[] = "/tmp/test-unconfirmed.XXXXXX";
static char path[64];

static int set_up(void **state) {
        if (!mkdtemp(directory))
                return -1;
        snprintf(path, sizeof(path), "%s/unconfirmed", directory);
        return 0;
}

static int tear_down(void **state) {
        (void) unlink(path);
        return rmdir(directory);
}

static void test_texts(void **state) {
        static const char *const texts[][2] = {
                { NEW, OLD }, { "", OLD }, { NEW, "" }, { "", "" }, { "12\n", "3\n4" },
        };

        FOREACH_ELEMENT (t, texts) {
                _cleanup_free_ char *tried = NULL, *before = NULL;

                ASSERT_OK(unconfirmed_write(path, (*t)[0], (*t)[1]));
                ASSERT_OK(unconfirmed_read(path, &tried, &before));
                assert_string_equal(tried, (*t)[0]);
                assert_string_equal(before, (*t)[1]);
        }
}

static void test_bad(void **state) {
        static const char *const bad[] = {
                "", "\n", "5\nfour", "-1\nx", "0x1\nx", "text\n", "1111", "99999999999999999999\nx"
        };

        FOREACH_ELEMENT (text, bad) {
                char *tried, *before;

                ASSERT_OK(write_file_atomic(path, *text, strlen(*text), 0600));
                assert_int_equal(unconfirmed_read(path, &tried, &before), -EBADMSG);
        }
}

static void load(const char *text, Config **ret) {
        _cleanup_free_ char *error = NULL;

        if (config_parse("web", "web.conf", text, strlen(text), "/v/root.img", ret, &error) < 0)
                fail_msg("%s", error);
}

/* Which of the two a start with that file goes by. */
static void check_start(const char *text, int replaced, unsigned port) {
        _cleanup_(config_freep) Config *c = NULL;
        _cleanup_free_ char *error = NULL;

        load(text, &c);
        assert_int_equal(unconfirmed_replace(path, "/v/root.img", &c, &error), replaced);
        assert_int_equal(c->forwards[0].host_first, port);
        assert_int_equal(c->held, replaced);
        assert_string_equal(c->file, "web.conf");
        assert_string_equal(c->name, "web");
}

static void test_replace(void **state) {
        (void) unlink(path);
        check_start(NEW, 0, 81);
        ASSERT_OK(unconfirmed_write(path, NEW, OLD));
        check_start(NEW, 1, 80);
        check_start(OLD, 0, 80);
        check_start("[Network]\nForward=tcp/82\n", 0, 82);
        ASSERT_OK(write_file_atomic(path, "rubbish", 7, 0600));
        check_start(NEW, 0, 81);
}

static void test_bad_before(void **state) {
        _cleanup_(config_freep) Config *c = NULL;
        _cleanup_free_ char *error = NULL;

        ASSERT_OK(unconfirmed_write(path, NEW, "[Network]\nForwrad=tcp/80\n"));
        load(NEW, &c);
        assert_int_equal(unconfirmed_replace(path, "/v/root.img", &c, &error), -EINVAL);
        assert_non_null(strstr(error, "Forwrad"));
        assert_int_equal(c->forwards[0].host_first, 81);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_texts),
                cmocka_unit_test(test_bad),
                cmocka_unit_test(test_replace),
                cmocka_unit_test(test_bad_before),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, set_up, tear_down);
}
