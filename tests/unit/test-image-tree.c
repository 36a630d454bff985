/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-image-tree.c - whole trees in images: the top directory, layers, and images that cannot be
 * used. */

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "image-fixture.h"

#include "basic/cleanup.h"
#include "basic/string-util.h"

/* One top directory is the root, whatever lies beside it and whatever is called like it. */
static void test_strip(void **state) {
        ImageNode node;
        ImageStat st;
        Image i;

        image_begin(&i, 16 * MIB);
        image_node_init(&node, S_IFDIR | 0751);
        node.uid = 7;
        ASSERT_OK(image_directory(i.w, "top", &node));
        put(i.w, "top/etc/passwd", "root");
        put(i.w, "top/top", "a file called like it");
        put(i.w, "version", "1");
        assert_int_equal(image_strip(i.w), 1);
        assert_int_equal(image_strip(i.w), 0);
        image_reopen(&i);
        assert_content(i.w, "etc/passwd", "root");
        assert_content(i.w, "top", "a file called like it");
        assert_false(image_exists(i.w, "version"));
        assert_true(image_exists(i.w, "lost+found"));
        ASSERT_OK(image_stat(i.w, "", &st));
        assert_int_equal(st.node.mode, S_IFDIR | 0751);
        assert_int_equal(st.node.uid, 7);
        image_end(&i);
}

static void test_not_stripped(void **state) {
        Image i;

        image_begin(&i, 16 * MIB);
        put(i.w, "home/etc/x", "no root");
        put(i.w, "srv/etc/x", "two of them");
        assert_int_equal(image_strip(i.w), 0);
        ASSERT_OK(image_remove(i.w, "srv"));
        ASSERT_OK(image_remove(i.w, "home/etc"));
        put(i.w, "home/user/x", "no looks of a root");
        assert_int_equal(image_strip(i.w), 0);
        image_end(&i);
}

static void test_layers(void **state) {
        ImageNode node;
        Image i;

        image_begin(&i, 16 * MIB);
        image_node_init(&node, S_IFDIR | 0755);
        put(i.w, "etc/old", "1");
        put(i.w, "etc/kept", "1");
        put(i.w, "gone/deep/file", "1");
        put(i.w, "opaque/old", "1");
        put(i.w, "opaque/dir/old", "1");
        put(i.w, "opaque/dir/again", "1");
        image_begin_layer(i.w);
        ASSERT_OK(image_whiteout(i.w, "etc/old"));
        ASSERT_OK(image_whiteout(i.w, "none/of/it"));
        ASSERT_OK(image_whiteout(i.w, "gone"));
        put(i.w, "etc/new", "2");
        ASSERT_OK(image_whiteout(i.w, "etc/new")); /* of this layer: stays */
        ASSERT_OK(image_directory(i.w, "opaque", &node));
        put(i.w, "opaque/new", "2");
        put(i.w, "opaque/dir/again", "2");
        ASSERT_OK(image_opaque(i.w, "opaque")); /* wherever in the layer it stands */
        image_reopen(&i);
        assert_false(image_exists(i.w, "etc/old") || image_exists(i.w, "gone"));
        assert_false(image_exists(i.w, "opaque/old") || image_exists(i.w, "opaque/dir/old"));
        assert_content(i.w, "etc/kept", "1");
        assert_content(i.w, "etc/new", "2");
        assert_content(i.w, "opaque/new", "2");
        assert_content(i.w, "opaque/dir/again", "2");
        image_end(&i);
}

/* An image that was left half written is told from one that was not. */
static void test_half(void **state) {
        _cleanup_free_ char *why = NULL;
        Image i;

        image_begin(&i, 16 * MIB);
        put(i.w, "a", "1");
        image_reopen(&i);
        put(i.w, "b", "2");
        i.w = image_writer_free(i.w);
        ASSERT_ERROR(image_writer_open(i.fd, false, &i.w, &why), EUCLEAN);
        assert_non_null(strstr(why, "e2fsck"));
        close(i.fd);
}

static void test_no_image(void **state) {
        _cleanup_free_ char *why = NULL, *more = NULL;
        ImageWriter *w = NULL;
        Image i;

        image_begin(&i, 16 * MIB);
        i.w = image_writer_free(i.w);
        assert_int_equal(pwrite(i.fd, "\0", 1, 1024 + 56), 1); /* its magic number */
        ASSERT_ERROR(image_writer_open(i.fd, false, &w, &why), EMEDIUMTYPE);
        assert_true(ftruncate(i.fd, 100) >= 0);
        ASSERT_ERROR(image_writer_open(i.fd, false, &w, &more), EMEDIUMTYPE);
        close(i.fd);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_strip),    cmocka_unit_test(test_not_stripped),
                cmocka_unit_test(test_layers),   cmocka_unit_test(test_half),
                cmocka_unit_test(test_no_image),
        };

        return RUN_TESTS(tests);
}
