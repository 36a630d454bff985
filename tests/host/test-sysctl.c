/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-sysctl.c - settings of a network namespace of our own. */

#include <stdio.h>
#include <sys/mount.h>

#include "private-net.h"

#include "host/sysctl.h"

#define FORWARD "net/ipv4/ip_forward"

static void assert_setting(const char *name, const char *value) {
        _cleanup_free_ char *text = NULL;

        ASSERT_OK(sysctl_get(name, &text));
        assert_string_equal(text, value);
}

static void test_set(void **state) {
        assert_setting(FORWARD, "0");
        assert_int_equal(sysctl_set(FORWARD, "1"), 1);
        assert_setting(FORWARD, "1");
        assert_int_equal(sysctl_set(FORWARD, "1"), 0);
        assert_int_equal(sysctl_set(FORWARD, "0"), 1);
        assert_setting(FORWARD, "0");
}

static void test_refused(void **state) {
        char *untouched = NULL;

        ASSERT_ERROR(sysctl_get("net/ipv4/no_such_setting", &untouched), ENOENT);
        assert_null(untouched);
        ASSERT_ERROR(sysctl_set("net/ipv4/no_such_setting", "1"), ENOENT);
        ASSERT_ERROR(sysctl_set(FORWARD, "forward"), EINVAL);
        assert_setting(FORWARD, "0");
}

/* As in containers: what is right already needs no write. */
static void test_read_only(void **state) {
        assert_int_equal(sysctl_set(FORWARD, "1"), 1);
        assert_int_equal(mount("/proc/sys", "/proc/sys", NULL, MS_BIND, NULL), 0);
        assert_int_equal(mount(NULL, "/proc/sys", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL), 0);
        assert_int_equal(sysctl_set(FORWARD, "1"), 0);
        ASSERT_ERROR(sysctl_set(FORWARD, "0"), EROFS);
        assert_int_equal(umount("/proc/sys"), 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_set),
                cmocka_unit_test(test_refused),
                cmocka_unit_test(test_read_only),
        };

        private_net_enter();
        return RUN_TESTS(tests);
}
