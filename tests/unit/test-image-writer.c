/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-image-writer.c - files of images are added, changed and removed; e2fsck checks each image.
 */

#include <sys/stat.h>
#include <unistd.h>

#include "image-fixture.h"

#include "basic/cleanup.h"
#include "basic/string-util.h"
#include "image/parts.h"

static const ImageNode odd = {
        .mode = S_IFREG | 04751,
        .uid = 70000,
        .gid = 3000000000,
        .atime = { 1, 999999999 },
        .mtime = { 5000000000, 123456789 }, /* in 2128 */
        .ctime = { -1, 5 },
};

static void test_attributes(void **state) {
        _cleanup_(image_file_freep) ImageFile *f = NULL;
        ImageStat st;
        Image i;

        image_begin(&i, 16 * MIB);
        ASSERT_OK(image_file_begin(i.w, "a/b", &odd, &f));
        ASSERT_OK(image_file_end(TAKE_PTR(f), 7));
        image_reopen(&i);
        ASSERT_OK(image_stat(i.w, "/a/b", &st));
        assert_int_equal(st.node.mode, odd.mode);
        assert_int_equal(st.node.uid, odd.uid);
        assert_int_equal(st.node.gid, odd.gid);
        assert_memory_equal(&st.node.atime, &odd.atime, sizeof(odd.atime));
        assert_memory_equal(&st.node.mtime, &odd.mtime, sizeof(odd.mtime));
        assert_memory_equal(&st.node.ctime, &odd.ctime, sizeof(odd.ctime));
        assert_int_equal(st.size, 7);
        assert_int_equal(st.links, 1);
        ASSERT_OK(image_chmod(i.w, "a/b", 0600));
        ASSERT_OK(image_stat(i.w, "a/b", &st));
        assert_int_equal(st.node.mode, S_IFREG | 0600);
        assert_int_equal(st.node.uid, odd.uid);
        ASSERT_OK(image_stat(i.w, "a", &st)); /* made on the way */
        assert_int_equal(st.node.mode, S_IFDIR | 0755);
        assert_int_equal(st.node.uid, 0);
        ASSERT_OK(image_set_node(i.w, "", &(ImageNode){ .mode = 01700, .gid = 5 }));
        ASSERT_OK(image_stat(i.w, "/", &st));
        assert_int_equal(st.node.mode, S_IFDIR | 01700);
        assert_int_equal(st.links, 4); /* itself, lost+found, a */
        image_end(&i);
}

static void test_devices(void **state) {
        static const struct {
                mode_t mode;
                uint32_t major, minor;
                int error;
        } cases[] = {
                { S_IFCHR, 1, 3, 0 },
                { S_IFBLK, 98, 0, 0 },
                { S_IFCHR, 10, 130, 0 },
                { S_IFBLK, 259, 300, 0 },
                { S_IFCHR, 4095, 1048575, 0 },
                { S_IFIFO, 0, 0, 0 },
                { S_IFSOCK, 0, 0, 0 },
                { S_IFCHR, 4096, 0, EINVAL },
                { S_IFBLK, 0, 1048576, EINVAL },
        };
        ImageStat st;
        Image i;

        image_begin(&i, 16 * MIB);
        FOREACH_ELEMENT (c, cases) {
                ImageNode node = { .mode = c->mode | 0600, .major = c->major, .minor = c->minor };

                ASSERT_ERROR(image_special(i.w, "node", &node), c->error);
                if (c->error != 0)
                        continue;
                ASSERT_OK(image_stat(i.w, "node", &st));
                assert_int_equal(st.node.mode, node.mode);
                assert_int_equal(st.node.major, node.major);
                assert_int_equal(st.node.minor, node.minor);
        }
        image_end(&i);
}

static void test_symlinks(void **state) {
        static const size_t lengths[] = { 1, 59, 60, 61, 1000, 4095 };
        ImageNode node;
        Entry *e;
        Dir *d;
        Image i;

        image_begin(&i, 16 * MIB);
        image_node_init(&node, S_IFLNK);
        FOREACH_ELEMENT (n, lengths) {
                _cleanup_free_ char *target = calloc(1, *n + 1), *back = NULL,
                                    *path = strfmt("l%zu", *n);

                memset(target, 'x', *n);
                ASSERT_OK(image_symlink(i.w, path, &node, target));
                image_reopen(&i);
                ASSERT_OK(path_entry(i.w, path, 0, &d, &e));
                assert_non_null(e);
                ASSERT_OK(link_read(i.w, e->ino, &back));
                assert_string_equal(back, target);
        }
        ASSERT_ERROR(image_symlink(i.w, "none", &node, ""), ENOENT);
        image_end(&i);
}

/* What the guest would find there. */
static void test_ways(void **state) {
        ImageNode node;
        Image i;

        image_begin(&i, 16 * MIB);
        image_node_init(&node, S_IFLNK);
        put(i.w, "usr/lib/os-release", "inside");
        ASSERT_OK(image_symlink(i.w, "lib", &node, "usr/lib"));
        ASSERT_OK(image_symlink(i.w, "up", &node, "../../../../usr"));
        ASSERT_OK(image_symlink(i.w, "usr/back", &node, "/up/lib/./../lib"));
        ASSERT_OK(image_symlink(i.w, "etc-release", &node, "lib/os-release"));
        ASSERT_OK(image_symlink(i.w, "usr/far", &node, "/etc-release"));
        ASSERT_OK(image_symlink(i.w, "loop", &node, "loop"));
        assert_content(i.w, "lib/os-release", "inside");
        assert_content(i.w, "/usr/back/os-release", "inside");
        assert_content(i.w, "usr/far", "inside");
        put(i.w, "up/lib/new", "also");
        assert_content(i.w, "usr/lib/new", "also");
        ASSERT_ERROR(image_put(i.w, "loop/x", 0644, "", 0), ELOOP);
        ASSERT_ERROR(image_put(i.w, "usr/lib/new/x", 0644, "", 0), ENOTDIR);
        ASSERT_ERROR(image_put(i.w, "", 0644, "", 0), EISDIR);
        assert_false(image_exists(i.w, "lib/none"));
        assert_true(image_exists(i.w, "loop"));
        image_end(&i);
}

static void test_hard_links(void **state) {
        ImageNode node;
        ImageStat st;
        Image i;

        image_begin(&i, 16 * MIB);
        image_node_init(&node, S_IFLNK);
        put(i.w, "a", "one");
        ASSERT_OK(image_link(i.w, "d/b", "a"));
        ASSERT_OK(image_link(i.w, "a", "a")); /* its own */
        ASSERT_OK(image_link(i.w, "a", "d/b"));
        ASSERT_OK(image_symlink(i.w, "s", &node, "d"));
        ASSERT_OK(image_link(i.w, "t", "s")); /* the symbolic link itself */
        ASSERT_OK(image_stat(i.w, "t", &st));
        assert_true(S_ISLNK(st.node.mode) && st.links == 2);
        ASSERT_ERROR(image_link(i.w, "c", "later"), ENOENT);
        assert_non_null(strstr(image_why(i.w), "'later', which does not exist"));
        ASSERT_ERROR(image_link(i.w, "c", "s/b"), ELOOP);
        ASSERT_ERROR(image_link(i.w, "c", "d"), EPERM);
        ASSERT_OK(image_stat(i.w, "a", &st));
        assert_int_equal(st.links, 2);
        ASSERT_OK(image_remove(i.w, "a"));
        image_reopen(&i);
        assert_content(i.w, "d/b", "one");
        /* Over the directory that holds the file itself. */
        ASSERT_OK(image_link(i.w, "d", "d/b"));
        assert_content(i.w, "d", "one");
        image_end(&i);
}

static void test_replaced(void **state) {
        ImageNode node;
        ImageStat st;
        Image i;

        image_begin(&i, 16 * MIB);
        image_node_init(&node, S_IFDIR | 0700);
        put(i.w, "x", "old");
        put(i.w, "x", "new");
        assert_content(i.w, "x", "new");
        ASSERT_OK(image_directory(i.w, "x", &node)); /* over a file */
        put(i.w, "x/y/z", "deep");
        node.mode = S_IFDIR | 0711;
        ASSERT_OK(image_directory(i.w, "x", &node)); /* the same again */
        assert_content(i.w, "x/y/z", "deep");
        ASSERT_OK(image_stat(i.w, "x", &st));
        assert_int_equal(st.node.mode, S_IFDIR | 0711);
        image_reopen(&i);
        put(i.w, "x", "file again"); /* over a directory that is not empty */
        assert_content(i.w, "x", "file again");
        assert_false(image_exists(i.w, "x/y"));
        image_end(&i);
}

static int count_entry(const char *name, mode_t type, void *userdata) {
        unsigned *n = userdata;

        assert_true(startswith(name, "name-") && S_ISREG(type));
        ++*n;
        return 0;
}

/* More names than a block holds, with and without room behind them, in several goes. */
static void test_large_directory(void **state) {
        const unsigned many = 3000;
        unsigned n = 0;
        ImageStat st;
        Image i;

        image_begin(&i, 64 * MIB);
        for (unsigned k = 0; k < many; k++) {
                _cleanup_free_ char *path = strfmt("d/name-%0*u", (int) (1 + k % 240), k);

                if (k % 1000 == 999)
                        image_reopen(&i);
                ASSERT_OK(image_put(i.w, path, 0644, path, strlen(path)));
        }
        image_reopen(&i);
        ASSERT_OK(image_list(i.w, "d", count_entry, &n));
        assert_int_equal(n, many);
        for (unsigned k = 0; k < many; k++) {
                _cleanup_free_ char *path = strfmt("d/name-%0*u", (int) (1 + k % 240), k);

                assert_content(i.w, path, path);
                if (k % 100 != 0)
                        ASSERT_OK(image_remove(i.w, path));
        }
        image_reopen(&i);
        n = 0;
        ASSERT_OK(image_list(i.w, "d", count_entry, &n));
        assert_int_equal(n, many / 100);
        ASSERT_OK(image_stat(i.w, "d", &st));
        assert_in_range(st.size, 4096, 8192);
        image_end(&i);
}

/* Directories whose number does not fit into a link count, too. */
static void test_many_directories(void **state) {
        const unsigned many = 65100;
        ImageNode node;
        ImageStat st;
        Image i;

        image_begin(&i, 1024 * MIB);
        image_node_init(&node, S_IFDIR | 0755);
        for (unsigned k = 0; k < many; k++) {
                char path[32];

                snprintf(path, sizeof(path), "d/%u", k);
                ASSERT_OK(image_directory(i.w, path, &node));
        }
        image_reopen(&i);
        ASSERT_OK(image_stat(i.w, "d", &st));
        assert_int_equal(st.links, 1);
        ASSERT_OK(image_remove(i.w, "d"));
        image_end(&i);
}

static void test_rename(void **state) {
        Image i;

        image_begin(&i, 16 * MIB);
        put(i.w, "a/b/c", "moved");
        put(i.w, "other", "there");
        ASSERT_OK(image_rename(i.w, "a/b", "x/y/z"));
        assert_content(i.w, "x/y/z/c", "moved");
        assert_false(image_exists(i.w, "a/b"));
        ASSERT_ERROR(image_rename(i.w, "x", "x/y/w"), EINVAL);
        ASSERT_ERROR(image_rename(i.w, "x/y", "x"), EINVAL);
        ASSERT_ERROR(image_rename(i.w, "none", "x"), ENOENT);
        ASSERT_OK(image_rename(i.w, "x/y/z/c", "other"));
        assert_content(i.w, "other", "moved");
        ASSERT_OK(image_rename(i.w, "other", "other"));
        image_reopen(&i);
        assert_content(i.w, "other", "moved");
        image_end(&i);
}

static void test_full_of_files(void **state) {
        ImageNode node;
        int r = 0;
        Image i;

        image_begin(&i, 16 * MIB);
        image_node_init(&node, S_IFIFO | 0600);
        for (unsigned k = 0; r >= 0; k++) {
                char path[32];

                snprintf(path, sizeof(path), "%u", k);
                r = image_special(i.w, path, &node);
                assert_true(k < 5000);
        }
        assert_int_equal(r, -ENOSPC);
        assert_int_equal(image_full(i.w), IMAGE_FULL_FILES);
        image_writer_free(i.w);
        close(i.fd);
}

static void test_xattrs(void **state) {
        _cleanup_free_ char *large = calloc(1, 100000);
        Image i;

        image_begin(&i, 16 * MIB);
        put(i.w, "f", "x");
        put(i.w, "g", "x");
        ASSERT_OK(image_set_xattr(i.w, "f", "user.a", "1", 1));
        ASSERT_OK(image_set_xattr(i.w, "f", "user.b", large, 3000)); /* in a block of its own */
        ASSERT_OK(image_set_xattr(i.w, "f", "user.b", "2", 1));
        ASSERT_OK(image_set_xattr(i.w, "", "trusted.root", "", 0));
        ASSERT_ERROR(image_set_xattr(i.w, "g", "user.c", large, 100000), E2BIG);
        ASSERT_ERROR(image_set_xattr(i.w, "g", "user.", "", 0), EINVAL);
        ASSERT_ERROR(image_set_xattr(i.w, "g", "strange", "", 0), EINVAL);
        ASSERT_ERROR(image_set_xattr(i.w, "none", "user.a", "", 0), ENOENT);
        image_reopen(&i);
        ASSERT_OK(image_remove(i.w, "f"));
        image_end(&i);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_attributes),      cmocka_unit_test(test_devices),
                cmocka_unit_test(test_symlinks),        cmocka_unit_test(test_ways),
                cmocka_unit_test(test_hard_links),      cmocka_unit_test(test_replaced),
                cmocka_unit_test(test_large_directory), cmocka_unit_test(test_many_directories),
                cmocka_unit_test(test_rename),          cmocka_unit_test(test_full_of_files),
                cmocka_unit_test(test_xattrs),
        };

        return RUN_TESTS(tests);
}
