/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-guests.c - which files of the configuration directory are guests. */

#include "test.h"

#include "umlctl/guests.h"

static void test_names(void **state) {
        static const char *const others[] = {
                "",
                ".conf",
                "web",
                "web.conf~",
                "web.conf.dpkg-old",
                "Web.conf",
                "1web.conf",
                ".web.conf",
                "we b.conf",
                "web.db.conf",
                "sixteen-bytes-xx.conf",
                "\033[2J.conf",
        };
        char name[GUEST_NAME_MAX + 1] = "untouched";

        assert_true(guest_name_from_file("web.conf", name));
        assert_string_equal(name, "web");
        assert_true(guest_name_from_file("fifteen-bytes-x.conf", name));
        assert_string_equal(name, "fifteen-bytes-x");
        FOREACH_ELEMENT (other, others)
                if (guest_name_from_file(*other, name))
                        fail_msg("%s is taken for a guest", *other);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_names),
        };

        return RUN_TESTS(tests);
}
