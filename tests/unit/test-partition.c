/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-partition.c - partition tables that are wrong; the right ones are read in tests/host. */

#include "test.h"

#include "basic/cleanup.h"
#include "image/partition.h"

enum { SIZE = 64 * 1024 };

static unsigned char *disk(void) {
        unsigned char *d = calloc(1, SIZE);

        assert_non_null(d);
        d[510] = 0x55;
        d[511] = 0xaa;
        return d;
}

static void put(unsigned char *d, size_t at, uint64_t value, size_t size) {
        for (size_t i = 0; i < size; i++)
                d[at + i] = (unsigned char) (value >> (8 * i));
}

static void test_none(void **state) {
        _cleanup_free_ unsigned char *d = disk();
        Partition p;

        ASSERT_ERROR(partition_find(d, SIZE, &p), ENOENT);
        ASSERT_ERROR(partition_find(d, 511, &p), EMEDIUMTYPE);
        d[510] = 0;
        ASSERT_ERROR(partition_find(d, SIZE, &p), EMEDIUMTYPE);
}

static void test_mbr(void **state) {
        _cleanup_free_ unsigned char *d = disk();
        Partition p;

        d[446 + 4] = 0x83;
        put(d, 446 + 8, 100, 4);
        ASSERT_ERROR(partition_find(d, SIZE, &p), ENOENT); /* of no size */
        put(d, 446 + 12, UINT32_MAX, 4);
        ASSERT_OK(partition_find(d, 512, &p));
        assert_int_equal(p.number, 1);
        assert_int_equal(p.offset, 51200);
        assert_int_equal(p.size, (uint64_t) UINT32_MAX * 512);
        put(d, 446 + 8, 0, 4); /* where the table itself is */
        ASSERT_ERROR(partition_find(d, SIZE, &p), ENOENT);
}

/* Numbers that lead out of what was read, or beyond all numbers. */
static void test_gpt(void **state) {
        static const struct {
                uint64_t table, first, last;
                uint32_t n, length;
                int error;
        } cases[] = {
                { 2, 100, 200, 128, 128, 0 },
                { 2, 100, 100, 128, 128, 0 },
                { 2, 100, 99, 128, 128, ENOENT },
                { 2, 0, 200, 128, 128, ENOENT },
                { 2, 0, UINT64_MAX, 128, 128, ENOENT },
                { 2, 1, UINT64_MAX, 128, 128, ENOENT },
                { 2, UINT64_MAX / 512, UINT64_MAX, 128, 128, ENOENT },
                { 2, 100, INT64_MAX / 512 + 100, 128, 128, ENOENT },
                { UINT64_MAX, 100, 200, 128, 128, ENOENT },
                { UINT64_MAX / 512, 100, 200, 128, 128, ENOENT },
                { SIZE / 512, 100, 200, 128, 128, ENOENT },
                { 2, 100, 200, UINT32_MAX, 128, ENOENT },
                { 2, 100, 200, 128, 0, ENOENT },
                { 2, 100, 200, 128, UINT32_MAX, ENOENT },
                { 2, 100, 200, 0, 128, ENOENT },
        };
        static const unsigned char linux_type[16] =
                "\xaf\x3d\xc6\x0f\x83\x84\x72\x47\x8e\x79\x3d\x69\xd8\x47\x7d\xe4";

        FOREACH_ELEMENT (c, cases) {
                _cleanup_free_ unsigned char *d = disk();
                Partition p;

                memcpy(d + 512, "EFI PART", 8);
                put(d, 512 + 72, c->table, 8);
                put(d, 512 + 80, c->n, 4);
                put(d, 512 + 84, c->length, 4);
                memcpy(d + 1024, linux_type, 16);
                put(d, 1024 + 32, c->first, 8);
                put(d, 1024 + 40, c->last, 8);
                ASSERT_ERROR(partition_find(d, SIZE, &p), c->error);
                if (c->error == 0)
                        assert_int_equal(p.size, (c->last - c->first + 1) * 512);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_none),
                cmocka_unit_test(test_mbr),
                cmocka_unit_test(test_gpt),
        };

        return RUN_TESTS(tests);
}
