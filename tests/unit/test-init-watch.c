/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Is a root mounted, by what a kernel says of the mounts of process 1? */

#include "test.h"

#include "daemon/watch/init.h"

static bool mounted(const char *text) {
        return init_root_is_mounted(text, strlen(text));
}

static void test_mounts(void **state) {
        assert_false(mounted(""));
        assert_false(mounted("\n"));
        assert_false(mounted("\nrootfs / rootfs rw 0 0\n"));
        assert_false(mounted("none /dev devtmpfs rw 0 0\n"));
        assert_true(mounted("\n/dev/root / ext4 rw,relatime 0 0\ndevtmpfs /dev devtmpfs rw 0 0\n"));
        assert_true(mounted("rootfs / rootfs rw 0 0\n/dev/root / ext4 rw 0 0\n"));
        assert_false(mounted("/dev/root /mnt / rw 0 0\n"));
        assert_false(mounted("/dev/root"));
}

static void test_cut_off(void **state) {
        static const char text[] = "\n/dev/root / ext4 rw,relatime 0 0\n";

        for (size_t n = 0; n < sizeof(text); n++) /* any bytes, without a NUL behind them */
                (void) init_root_is_mounted(text, n);
        assert_false(init_root_is_mounted("\0\0\0", 3));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_mounts),
                cmocka_unit_test(test_cut_off),
        };

        return RUN_TESTS(tests);
}
