/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-image-content.c - the content of files in images: data, holes and zeros. */

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "image-fixture.h"

#include "basic/cleanup.h"
#include "basic/string-util.h"

/* A file of holes and of data that begins and ends anywhere, against the same in memory. */
static void test_holes(void **state) {
        enum { SIZE = 5 * 1024 * 1024 };
        static const struct {
                uint64_t offset;
                size_t size;
        } parts[] = {
                { 100, 50 },       { 200, 1 },           { 4095, 2 },    { 8192, 4096 },
                { 20000, 100000 }, { 1048570, 2000000 }, { 3500000, 1 }, { SIZE - 1, 1 },
        };
        _cleanup_(image_file_freep) ImageFile *f = NULL;
        _cleanup_free_ char *right = calloc(1, SIZE), *seen = NULL;
        uint64_t before;
        ImageNode node;
        Image i;

        image_begin(&i, 64 * MIB);
        image_node_init(&node, S_IFREG | 0644);
        before = image_free_bytes(i.w);
        ASSERT_OK(image_file_begin(i.w, "sparse", &node, &f));
        FOREACH_ELEMENT (p, parts) {
                for (size_t k = 0; k < p->size; k++)
                        right[p->offset + k] = (char) (k * 7 + p->offset + 1);
                ASSERT_OK(image_file_write(f, p->offset, right + p->offset, p->size));
        }
        ASSERT_ERROR(image_file_write(f, 5, "back", 4), EBADMSG);
        ASSERT_OK(image_file_end(TAKE_PTR(f), SIZE));
        image_reopen(&i);
        assert_in_range(before - image_free_bytes(i.w), 2100000, 2300000);
        assert_int_equal(image_read(i.w, "sparse", SIZE, &seen), SIZE);
        assert_memory_equal(seen, right, SIZE);
        ASSERT_ERROR(image_read(i.w, "sparse", SIZE - 1, &seen), EFBIG);
        image_end(&i);
}

static uint64_t on_host(const Image *i) {
        struct stat st;

        assert_true(fstat(i->fd, &st) >= 0);
        return (uint64_t) st.st_blocks * 512;
}

/* Zeros fill the image and not the host. */
static void test_zeros(void **state) {
        _cleanup_(image_file_freep) ImageFile *f = NULL;
        _cleanup_free_ char *zeros = calloc(1, MIB);
        uint64_t before, offset = 0;
        ImageNode node;
        Image i;
        int r = 0;

        image_begin(&i, 64 * MIB);
        image_node_init(&node, S_IFREG | 0644);
        before = on_host(&i);
        ASSERT_OK(image_file_begin(i.w, "zeros", &node, &f));
        while (r >= 0) {
                r = image_file_write(f, offset, zeros, MIB);
                offset += MIB;
        }
        assert_int_equal(r, -ENOSPC);
        assert_int_equal(image_full(i.w), IMAGE_FULL_SPACE);
        assert_in_range(offset, 48 * MIB, 62 * MIB);
        assert_in_range(on_host(&i) - before, 0, MIB);
        image_writer_free(i.w);
        close(i.fd);
}

/* Where something was before zeros have to be written. */
static void test_zeros_over_noise(void **state) {
        enum { SIZE = 40 * 1024 * 1024 };
        _cleanup_free_ char *zeros = calloc(1, SIZE), *noise = malloc(SIZE), *seen = NULL;
        Image i;

        image_begin(&i, 64 * MIB);
        memset(noise, 'n', SIZE);
        ASSERT_OK(image_put(i.w, "noise", 0644, noise, SIZE));
        ASSERT_OK(image_remove(i.w, "noise"));
        ASSERT_OK(image_put(i.w, "zeros", 0644, zeros, SIZE));
        image_reopen(&i);
        assert_int_equal(image_read(i.w, "zeros", SIZE, &seen), SIZE);
        assert_memory_equal(seen, zeros, SIZE);
        image_end(&i);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_holes),
                cmocka_unit_test(test_zeros),
                cmocka_unit_test(test_zeros_over_noise),
        };

        return RUN_TESTS(tests);
}
