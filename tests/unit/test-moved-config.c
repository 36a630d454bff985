/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-moved-config.c - the paths in the configuration of a guest that moves. */

#include "test.h"

#include "umlctl/moved-config.h"

static const char text[] = "# Disk=/not/this\n"
                           "Disk=/nor/this\n"
                           "[Guest]\n"
                           "Kernel = /boot/linux \n"
                           "  Disk=/a/b c.img , ro\n"
                           "Disk=/d.img,swap\r\n"
                           "Disks=/x\n"
                           "Memory=64M\n"
                           "[Fallback]\n"
                           "Kernel=/other\n";

static void check_packed(const char *kernel, const char *expected) {
        char *names[] = { (char *) "root.img", (char *) "disk1.img" };
        const Strv disks = { names, 2 };
        _cleanup_free_ char *packed = NULL;

        ASSERT_OK(moved_pack(text, &disks, kernel, &packed));
        assert_string_equal(packed, expected);
}

static void test_pack(void **state) {
        check_packed(NULL, "# Disk=/not/this\nDisk=/nor/this\n[Guest]\nKernel = /boot/linux \n"
                           "  Disk=/umld-export/root.img , ro\nDisk=/umld-export/disk1.img,swap\r\n"
                           "Disks=/x\nMemory=64M\n[Fallback]\nKernel=/other\n");
        check_packed("kernel", "# Disk=/not/this\nDisk=/nor/this\n[Guest]\n"
                               "Kernel = /umld-export/kernel \n"
                               "  Disk=/umld-export/root.img , ro\n"
                               "Disk=/umld-export/disk1.img,swap\r\n"
                               "Disks=/x\nMemory=64M\n[Fallback]\nKernel=/other\n");
}

static void test_unpack(void **state) {
        _cleanup_free_ char *out = NULL;

        ASSERT_OK(moved_unpack("[Guest]\nKernel=/umld-export/kernel\n"
                               "Disk=/umld-export/root.img , ro\nMemory=64M",
                               "/var/lib/umld/two", "/c/two.conf.d", &out));
        assert_string_equal(out, "[Guest]\nKernel=/var/lib/umld/two/kernel\n"
                                 "Disk=/var/lib/umld/two/root.img , ro\nMemory=64M\n");
}

static void test_foreign(void **state) {
        static const char *const bad[] = {
                "[Guest]\nDisk=/etc/shadow\n",
                "[Guest]\nDisk=/umld-export/../../etc/shadow\n",
                "[Guest]\nDisk=/umld-export/a/b\n",
                "[Guest]\nDisk=/umld-exporter/a\n",
                "[Guest]\nDisk=/umld-export/root.img\n Disk = /dev/sda,adopt\n",
                "[Other]\n[Guest]\nDisk=\n",
        };
        char *out = NULL;

        FOREACH_ELEMENT (b, bad) {
                ASSERT_ERROR(moved_unpack(*b, "/d", "/c", &out), EPERM);
                assert_null(out);
        }
}

/* Drop-ins go to their new directory; what they take back is not moved. */
static void test_dropins(void **state) {
        char *names[] = { (char *) "root.img" };
        const Strv disks = { names, 1 };
        _cleanup_free_ char *packed = NULL, *out = NULL;

        ASSERT_OK(moved_pack("[Guest]\nDisk=/a\n"
                             "\f/c/web.conf.d/1.conf\nDisk=/not/this\n[Guest]\nDisk=/b\n"
                             "\f/c/web.conf.d/2.conf\n[Guest]\nDisk=\nDisk=/e,ro\n",
                             &disks, NULL, &packed));
        assert_string_equal(packed, "[Guest]\n#Disk=/a\n"
                                    "\f/c/web.conf.d/1.conf\nDisk=/not/this\n[Guest]\n#Disk=/b\n"
                                    "\f/c/web.conf.d/2.conf\n[Guest]\n#Disk=\n"
                                    "Disk=/umld-export/root.img,ro\n");
        ASSERT_OK(moved_unpack(packed, "/d", "/e/two.conf.d", &out));
        assert_string_equal(out, "[Guest]\n#Disk=/a\n"
                                 "\f/e/two.conf.d/1.conf\nDisk=/not/this\n[Guest]\n#Disk=/b\n"
                                 "\f/e/two.conf.d/2.conf\n[Guest]\n#Disk=\n"
                                 "Disk=/d/root.img,ro\n");
}

static void test_bad_dropins(void **state) {
        static const char *const bad[] = {
                "\f/c/web.conf.d/1.txt\n",
                "\f/c/web.conf.d/.1.conf\n",
                "\f/c/web.conf.d/\n",
                "\f\n",
                "\f",
                "\f/1.conf\n\f/1.conf\n",
                "\f/2.conf\n[Confine]\nUser=auto\n\f/1.conf\n",
        };
        char *out = NULL;

        FOREACH_ELEMENT (b, bad) {
                ASSERT_ERROR(moved_unpack(*b, "/d", "/c", &out), EBADMSG);
                assert_null(out);
        }
}

static void test_nothing(void **state) {
        _cleanup_free_ char *a = NULL, *b = NULL;

        ASSERT_OK(moved_pack("", &(Strv){}, NULL, &a));
        ASSERT_OK(moved_unpack("[Guest]\n\n[", "/d", "/c", &b));
        assert_string_equal(a, "");
        assert_string_equal(b, "[Guest]\n\n[\n");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_pack),        cmocka_unit_test(test_unpack),
                cmocka_unit_test(test_foreign),     cmocka_unit_test(test_dropins),
                cmocka_unit_test(test_bad_dropins), cmocka_unit_test(test_nothing),
        };

        return RUN_TESTS(tests);
}
