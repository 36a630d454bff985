/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-edit.c - lines that are added, replaced and removed. */

#include "test.h"

#include "basic/cleanup.h"
#include "imager/edit.h"

/* expected NULL: the text is right as it is. */
static void check(int r, char *new, const char *expected) {
        _cleanup_free_ char *own = new;

        assert_int_equal(r, expected ? 1 : 0);
        if (expected)
                assert_string_equal(own, expected);
        else
                assert_null(own);
}

static void test_add(void **state) {
        char *new = NULL;
        int r;

        r = edit_append("", "a", &new);
        check(r, TAKE_PTR(new), "a\n");
        r = edit_append("a\nb", "c", &new);
        check(r, TAKE_PTR(new), "a\nb\nc\n");
        r = edit_append("aa\nb\n", "a", &new);
        check(r, TAKE_PTR(new), "aa\nb\na\n");
        r = edit_append("a\nb\n", "a", &new);
        check(r, TAKE_PTR(new), NULL);
        r = edit_append("b\na", "a", &new);
        check(r, TAKE_PTR(new), NULL);
        r = edit_prepend("b\n", "a", &new);
        check(r, TAKE_PTR(new), "a\nb\n");
        r = edit_prepend("b\na\n", "a", &new);
        check(r, TAKE_PTR(new), NULL);
}

static void test_replace(void **state) {
        char *new = NULL;
        int r;

        r = edit_replace("root:x:1\nuser::2\n", "^root:[^:]*:(.*)", "root:$6$ab/c:\\1", &new);
        check(r, TAKE_PTR(new), "root:$6$ab/c:1\nuser::2\n");
        r = edit_replace("a::1\nb:x:\nc::3", "^([^:]+)::(.*)", "\\1:*:\\2", &new);
        check(r, TAKE_PTR(new), "a:*:1\nb:x:\nc:*:3");
        r = edit_replace("a\n\nb\n", "^$", "-\\0-\\9\\\\", &new);
        check(r, TAKE_PTR(new), "a\n--\\\nb\n");
        r = edit_replace("a\n", "b", "c", &new);
        check(r, TAKE_PTR(new), NULL);
        r = edit_replace("a\n", "a", "a", &new);
        check(r, TAKE_PTR(new), NULL);
        r = edit_replace("", "^$", "a", &new);
        check(r, TAKE_PTR(new), NULL);
        assert_int_equal(edit_replace("a", "(", "b", &new), -EINVAL);
}

static void test_delete(void **state) {
        char *new = NULL;
        int r;

        r = edit_delete("tty1::respawn:getty\n#tty\ntty2::x:getty", "^tty[0-9]:.*getty", &new);
        check(r, TAKE_PTR(new), "#tty\n");
        r = edit_delete("a\n", "^b", &new);
        check(r, TAKE_PTR(new), NULL);
}

static void test_contains(void **state) {
        assert_int_equal(edit_contains("a\nb\n", "^b$"), 1);
        assert_int_equal(edit_contains("a\nb\n", "^c"), 0);
        assert_int_equal(edit_contains("a\nb\n", "a.b"), 0);
        assert_int_equal(edit_contains("", "x"), 0);
        assert_int_equal(edit_contains("", "("), -EINVAL);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_add),
                cmocka_unit_test(test_replace),
                cmocka_unit_test(test_delete),
                cmocka_unit_test(test_contains),
        };

        return RUN_TESTS(tests);
}
