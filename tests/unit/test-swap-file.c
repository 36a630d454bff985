/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-swap-file.c - swap space that umld makes, compared with what mkswap(8) makes. */

#include "test.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "basic/cleanup.h"
#include "basic/string-util.h"
#include "host/swap-file.h"

#define MIB (UINT64_C(1) << 20)

static int temporary(void) {
        int fd = open(getenv("TMPDIR") ?: "/tmp", O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);

        assert_true(fd >= 0);
        return fd;
}

static void test_own(void **state) {
        _cleanup_close_ int fd = temporary();
        uint64_t size = 0;
        struct stat st;

        assert_int_equal(write(fd, "old", 3), 3);
        ASSERT_ERROR(swap_file_size(fd, &size), EBADMSG);
        ASSERT_OK(swap_file_write(fd, 64 * MIB));
        assert_int_equal(fstat(fd, &st), 0);
        assert_int_equal(st.st_size, 64 * MIB);
        assert_true((uint64_t) st.st_blocks * 512 < MIB);
        ASSERT_OK(swap_file_size(fd, &size));
        assert_int_equal(size, 64 * MIB);
        ASSERT_ERROR(swap_file_write(fd, 64 * MIB + 1), EINVAL);
        ASSERT_ERROR(swap_file_write(fd, 9 * SWAP_PAGE), EINVAL);
}

static void test_mkswap(void **state) {
        _cleanup_close_ int fd = temporary();
        _cleanup_free_ char *command =
                strfmt("PATH=$PATH:/sbin:/usr/sbin mkswap /proc/self/fd/%d >/dev/null 2>&1", fd);
        uint64_t size = 0;

        assert_int_equal(ftruncate(fd, 3 * MIB), 0);
        assert_true(fcntl(fd, F_SETFD, 0) >= 0);
        if (system(command) != 0)
                skip();
        ASSERT_OK(swap_file_size(fd, &size));
        assert_int_equal(size, 3 * MIB);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_own),
                cmocka_unit_test(test_mkswap),
        };

        return RUN_TESTS(tests);
}
