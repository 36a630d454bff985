/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-random.c - random bytes, also where the kernel lacks getrandom(). */

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "test.h"

#include "basic/random.h"

static bool lacking;

/* Instead of libc's. */
ssize_t getrandom(void *data, size_t size, unsigned flags) {
        if (!lacking)
                return syscall(SYS_getrandom, data, size, flags);
        errno = ENOSYS;
        return -1;
}

static void assert_random(void) {
        unsigned char a[16] = {}, b[16] = {};

        ASSERT_OK(random_bytes(a, sizeof(a)));
        ASSERT_OK(random_bytes(b, sizeof(b)));
        assert_memory_not_equal(a, b, sizeof(a));
}

static void test_random(void **state) {
        lacking = false;
        assert_random();
        lacking = true;
        assert_random();
}

int main(void) {
        const struct CMUnitTest tests[] = { cmocka_unit_test(test_random) };

        return RUN_TESTS(tests);
}
