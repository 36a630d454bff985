/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-ext-errors.c - which superblocks tell of errors. */

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "test.h"

#include "basic/cleanup.h"
#include "host/ext-errors.h"

/* Places in the superblock, as the format has them. */
enum {
        MAGIC_AT = 0x38,
        STATE_AT = 0x3a,
        INCOMPAT_AT = 0x60,
        ERROR_COUNT_AT = 0x194,

        RECOVER = 4,

        VALID = 1,
        ERRORS = 2,
};

typedef struct Superblock {
        uint8_t bytes[EXT_SUPERBLOCK_SIZE];
} Superblock;

static Superblock make(uint8_t state, uint8_t errors) {
        Superblock s = {};

        s.bytes[MAGIC_AT] = 0x53;
        s.bytes[MAGIC_AT + 1] = 0xef;
        s.bytes[STATE_AT] = state;
        s.bytes[ERROR_COUNT_AT + 2] = errors;
        return s;
}

static void test_superblock(void **state) {
        static const struct {
                uint8_t state, errors;
                bool bad;
        } cases[] = {
                { VALID, 0, false },         { 0, 0, false },
                { ERRORS, 0, true },         { VALID, 1, true },
                { VALID | ERRORS, 9, true },
        };

        FOREACH_ELEMENT (c, cases) {
                Superblock s = make(c->state, c->errors);

                assert_int_equal(ext_superblock_has_errors(s.bytes), c->bad);
                s.bytes[MAGIC_AT] = 0; /* something else's: no word of it is believed */
                assert_false(ext_superblock_has_errors(s.bytes));
        }
}

static void test_left_mounted(void **state) {
        static const struct {
                uint8_t state, incompat;
                int r;
        } cases[] = { { VALID, 0, 0 }, { VALID, RECOVER, 1 }, { 0, 0, 1 }, { VALID, 0x40, 0 } };
        char path[] = "/tmp/umld-test-XXXXXX";
        _cleanup_close_ int fd = mkstemp(path);

        assert_true(fd >= 0);
        unlink(path);
        assert_int_equal(ext_left_mounted(fd), 0); /* too short */
        FOREACH_ELEMENT (c, cases) {
                Superblock s = make(c->state, 0);

                s.bytes[INCOMPAT_AT] = c->incompat;
                assert_int_equal(pwrite(fd, s.bytes, sizeof(s.bytes), EXT_SUPERBLOCK_AT),
                                 sizeof(s.bytes));
                assert_int_equal(ext_left_mounted(fd), c->r);
                s.bytes[MAGIC_AT] = 0;
                assert_int_equal(pwrite(fd, s.bytes, sizeof(s.bytes), EXT_SUPERBLOCK_AT),
                                 sizeof(s.bytes));
                assert_int_equal(ext_left_mounted(fd), 0);
        }
}

static void test_image(void **state) {
        char path[] = "/tmp/umld-test-XXXXXX";
        _cleanup_close_ int fd = mkstemp(path);
        const Superblock s = make(ERRORS, 1);

        assert_true(fd >= 0);
        (void) unlink(path);
        assert_int_equal(ext_errors_recorded(fd), 0); /* empty */
        assert_int_equal(pwrite(fd, s.bytes, 1000, EXT_SUPERBLOCK_AT), 1000);
        assert_int_equal(ext_errors_recorded(fd), 0); /* cut off */
        assert_int_equal(pwrite(fd, s.bytes, sizeof(s), EXT_SUPERBLOCK_AT), sizeof(s));
        assert_int_equal(ext_errors_recorded(fd), 1);
        ASSERT_ERROR(ext_errors_recorded(-1), EBADF);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_superblock),
                cmocka_unit_test(test_left_mounted),
                cmocka_unit_test(test_image),
        };

        return RUN_TESTS(tests);
}
