/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-path-trust.c - who can change what a path names. */

#include <sys/stat.h>
#include <unistd.h>

#include "test.h"

#include "basic/cleanup.h"
#include "basic/file-util.h"
#include "basic/path-trust.h"
#include "basic/string-util.h"

static char top[] = "/tmp/umld-test-XXXXXX";

enum {
        STRANGER = 12345,
};

static int make_tree(void **state) {
        static const char *const dirs[] = { "a", "a/b", "open", "sticky", "sticky/own" };

        if (!mkdtemp(top) || chmod(top, 0755) < 0 || chdir(top) < 0)
                return -1;
        FOREACH_ELEMENT (d, dirs)
                if (mkdir(*d, 0755) < 0)
                        return -1;
        if (write_file_atomic("a/b/file", "x", 1, 0644) < 0 ||
            write_file_atomic("a/b/written", "x", 1, 0666) < 0 ||
            write_file_atomic("open/file", "x", 1, 0644) < 0 ||
            write_file_atomic("sticky/own/file", "x", 1, 0644) < 0 ||
            chmod("a/b/written", 0666) < 0)
                return -1;
        if (symlink("b/file", "a/link") < 0 || symlink("../open/file", "a/out") < 0 ||
            symlink("loop", "loop") < 0 || symlink("/no/such", "nowhere") < 0)
                return -1;
        return chmod("open", 0777) < 0 || chmod("sticky", 01777) < 0 ? -1 : 0;
}

static int remove_tree(void **state) {
        _cleanup_free_ char *command = strfmt("rm -rf %s", top);

        return system(command);
}

/* where: relative to the top; NULL = nobody else can change it */
static void assert_trust(const char *path, const char *where) {
        _cleanup_free_ char *found = NULL, *expected = where ? strfmt("%s/%s", top, where) : NULL,
                            *absolute = strfmt("%s//./%s", top, path);
        int r = path_changed_by_others(path, &found);

        if (r < 0)
                fail_msg("%s: %s", path, strerror(-r));
        assert_int_equal(r, where != NULL);
        if (where)
                assert_string_equal(found, expected);
        free(found);
        found = NULL;
        assert_int_equal(path_changed_by_others(absolute, &found), r);
        if (where)
                assert_string_equal(found, expected);
}

static void test_modes(void **state) {
        assert_trust("a/b/file", NULL);
        assert_trust("a/b/../b/./file", NULL);
        assert_trust("a/link", NULL);
        assert_trust("sticky/own/file", NULL);
        assert_trust("a/b/written", "a/b/written");
        assert_trust("open/file", "open");
        assert_trust("a/out", "open");
        assert_trust("a/b/../../open/../a/b/file", "open"); /* .. of what was put in its place */
}

static void test_owners(void **state) {
        if (geteuid() != 0)
                skip();
        ASSERT_OK(RET_NERRNO(chown("a", STRANGER, 0)));
        assert_trust("a/b/file", "a");
        ASSERT_OK(RET_NERRNO(chown("a", 0, STRANGER)));
        assert_trust("a/b/file", NULL);
        ASSERT_OK(RET_NERRNO(chmod("a", 0775)));
        assert_trust("a/b/file", "a");
        ASSERT_OK(RET_NERRNO(chown("a", 0, 0)));
        assert_trust("a/b/file", NULL);
        /* In a directory with the sticky bit, what is another's. */
        ASSERT_OK(RET_NERRNO(symlink("../a/b/file", "sticky/link")));
        assert_trust("sticky/link", NULL);
        ASSERT_OK(RET_NERRNO(lchown("sticky/link", STRANGER, STRANGER)));
        assert_trust("sticky/link", "sticky/link");
        ASSERT_OK(RET_NERRNO(chown("sticky/own", STRANGER, 0)));
        assert_trust("sticky/own/file", "sticky/own");
        ASSERT_OK(RET_NERRNO(chown("sticky", STRANGER, 0)));
        assert_trust("sticky/own/file", "sticky");
}

static void test_errors(void **state) {
        char *where = NULL;

        assert_int_equal(path_changed_by_others("a/none", &where), -ENOENT);
        assert_int_equal(path_changed_by_others("nowhere", &where), -ENOENT);
        assert_int_equal(path_changed_by_others("loop", &where), -ELOOP);
        assert_int_equal(path_changed_by_others("a/b/file/x", &where), -ENOTDIR);
        assert_null(where);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_modes),
                cmocka_unit_test(test_errors),
                cmocka_unit_test(test_owners),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, make_tree, remove_tree);
}
