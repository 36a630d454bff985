/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-kernel-libc.c - which glibc a program asks for. */

#include "test.h"

#include <stdio.h>
#include <unistd.h>

#include "uml/kernel-libc.h"

enum {
        PART = 64 * 1024, /* of the file, as it is read */
};

static void expect(FILE *f, unsigned major, unsigned minor) {
        unsigned found_major = 99, found_minor = 99;

        assert_int_equal(fflush(f), 0);
        ASSERT_OK(kernel_libc_wanted(fileno(f), &found_major, &found_minor));
        assert_int_equal(found_major, major);
        assert_int_equal(found_minor, minor);
        fclose(f);
}

#define expect_of(bytes, major, minor)                                                             \
        do {                                                                                       \
                FILE *file = tmpfile();                                                            \
                assert_non_null(file);                                                             \
                assert_int_equal(fwrite(bytes, sizeof(bytes) - 1, 1, file), 1);                    \
                expect(file, major, minor);                                                        \
        } while (false)

static void test_newest(void **state) {
        expect_of("\0GLIBC_2.2.5\0GLIBC_2.34\0GLIBC_2.7\0", 2, 34);
        expect_of("\0GLIBC_2.9\0GLIBC_3.0\0GLIBC_2.99\0", 3, 0);
}

static void test_others(void **state) {
        expect_of("x", 0, 0);
        expect_of("xGLIBC_2.34\0", 0, 0);
        expect_of("\0GLIBC_2.34", 0, 0); /* cut */
        expect_of("\0GLIBC_PRIVATE\0\0GLIBC_2.\0\0GLIBC_2.3x\0\0GLIBC_.5\0", 0, 0);
        expect_of("\0GLIBC_2.3\0\0GLIBC_99999999999999999999.1\0", 2, 3);
}

/* Wherever it is in the file. */
static void test_parts(void **state) {
        static const char text[] = "\0GLIBC_2.17";

        for (long at = PART - 80; at < PART + 4; at++) {
                FILE *f = tmpfile();

                assert_non_null(f);
                assert_int_equal(fseek(f, at, SEEK_SET), 0);
                assert_int_equal(fwrite(text, sizeof(text), 1, f), 1);
                assert_int_equal(fseek(f, 2 * PART, SEEK_SET), 0);
                assert_int_equal(fputc('x', f), 'x');
                expect(f, 2, 17);
        }
}

static void test_unreadable(void **state) {
        unsigned major, minor;

        assert_int_equal(kernel_libc_wanted(-1, &major, &minor), -EBADF);
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_newest),
                cmocka_unit_test(test_others),
                cmocka_unit_test(test_parts),
                cmocka_unit_test(test_unreadable),
        };

        return RUN_TESTS(tests);
}
