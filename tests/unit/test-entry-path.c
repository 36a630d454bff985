/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-entry-path.c - names of archive entries: those that are a path in the tree, and the rest. */

#include "test.h"

#include "basic/cleanup.h"
#include "basic/string-util.h"
#include "image/entry-path.h"

static void test_good(void **state) {
        static const struct {
                const char *name, *path;
        } cases[] = {
                { "bin", "bin" },
                { "./bin/sh", "bin/sh" },
                { "usr//bin/./env/", "usr/bin/env" },
                { ".", "" },
                { "./", "" },
                { "././/.", "" },
                { "..a/b..", "..a/b.." },
                { "...", "..." },
                { "a b\n/\xff", "a b\n/\xff" },
                { ".wh.x", ".wh.x" },
        };

        FOREACH_ELEMENT (c, cases) {
                char path[ENTRY_PATH_MAX + 1];
                const char *why = NULL;

                ASSERT_OK(entry_path_parse(c->name, path, &why));
                assert_string_equal(path, c->path);
                assert_null(why);
        }
}

static void test_bad(void **state) {
        static const struct {
                const char *name;
                int error;
                const char *why;
        } cases[] = {
                { "", ENOENT, "no name" },
                { "/", EINVAL, "absolute" },
                { "/etc/passwd", EINVAL, "absolute" },
                { "//x", EINVAL, "absolute" },
                { "..", EINVAL, "'..'" },
                { "../x", EINVAL, "'..'" },
                { "a/../b", EINVAL, "'..'" },
                { "a/..", EINVAL, "'..'" },
                { "./../x", EINVAL, "'..'" },
        };
        char path[ENTRY_PATH_MAX + 1];
        const char *why = NULL;

        FOREACH_ELEMENT (c, cases) {
                ASSERT_ERROR(entry_path_parse(c->name, path, &why), c->error);
                assert_non_null(strstr(why, c->why));
        }
}

/* "x/x/x…" of so many bytes, with components of n of them. */
static char *long_name(size_t size, size_t n) {
        char *s = malloc(size + 1);

        assert_non_null(s);
        for (size_t i = 0; i < size; i++)
                s[i] = i % (n + 1) == n ? '/' : 'x';
        s[size] = '\0';
        return s;
}

static void test_lengths(void **state) {
        static const struct {
                size_t size, component;
                int error;
        } cases[] = {
                { 255, 255, 0 },
                { 256, 256, ENAMETOOLONG },
                { 4095, 200, 0 },
                { 4097, 200, ENAMETOOLONG },
                { 100000, 1, ENAMETOOLONG },
                { 100000, 100000, ENAMETOOLONG },
        };

        FOREACH_ELEMENT (c, cases) {
                _cleanup_free_ char *name = long_name(c->size, c->component);
                char path[ENTRY_PATH_MAX + 1];
                const char *why = NULL;

                ASSERT_ERROR(entry_path_parse(name, path, &why), c->error);
                if (c->error == 0)
                        assert_string_equal(path, name);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_good),
                cmocka_unit_test(test_bad),
                cmocka_unit_test(test_lengths),
        };

        return RUN_TESTS(tests);
}
