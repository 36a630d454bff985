/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-mirror-index.c - the indices of mirrors: what they name, and what they must not. */

#include "test.h"

#include "umlctl/mirror-index.h"

#define SUM "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static const char alpine[] = "---\n"
                             "-\n"
                             "  arch: x86_64\n"
                             "  flavor: alpine-standard\n"
                             "  file: alpine-standard-3.20.3-x86_64.iso\n"
                             "  sha256: ffff\n"
                             "- arch: x86_64\n"
                             "  title: \"Mini root filesystem\"\n"
                             "  desc: |\n"
                             "    Minimal root filesystem.\n"
                             "    For use in containers: and minimal chroots.\n"
                             "  flavor: alpine-minirootfs\n"
                             "  file: alpine-minirootfs-3.20.3-x86_64.tar.gz\n"
                             "  iso: alpine-minirootfs-3.20.3-x86_64.tar.gz\n"
                             "  size: 3578475\n"
                             "  sha256: " SUM "\n"
                             "  sha512: 00\n"
                             "-\n"
                             "  flavor: alpine-netboot\n"
                             "  file: other.tar.gz\n"
                             "  sha256: ffff\n";

static void check(int r, const MirrorFile *f, const char *name) {
        ASSERT_OK(r);
        assert_string_equal(f->name, name);
        assert_string_equal(f->sum, SUM);
}

static void test_alpine(void **state) {
        MirrorFile f = {};

        check(mirror_read_alpine(alpine, "alpine-minirootfs", &f), &f,
              "alpine-minirootfs-3.20.3-x86_64.tar.gz");
        free(f.name);
        ASSERT_ERROR(mirror_read_alpine(alpine, "alpine-mini", &f), ENOENT);
        ASSERT_ERROR(mirror_read_alpine(alpine, "alpine-netboot", &f), EBADMSG);
        ASSERT_ERROR(mirror_read_alpine("", "alpine-minirootfs", &f), ENOENT);
}

static void test_alpine_refused(void **state) {
        static const char *const bad[] = {
                "- flavor: x\n  file: a/b\n  sha256: " SUM "\n",
                "- flavor: x\n  file: ..\n  sha256: " SUM "\n",
                "- flavor: x\n  file: a?b\n  sha256: " SUM "\n",
                "- flavor: x\n  file:\n  sha256: " SUM "\n",
                "- flavor: x\n  file: a\n  sha256: 0" SUM "\n",
                "- flavor: x\n  file: a\n",
                "- file: a\n  sha256: " SUM "\n-\n  flavor: x\n", /* of another entry */
        };
        MirrorFile f = {};

        FOREACH_ELEMENT (b, bad) {
                ASSERT_ERROR(mirror_read_alpine(*b, "x", &f), EBADMSG);
                assert_null(f.name);
        }
}

static void test_sums(void **state) {
        static const char text[] = "ff  archlinux-2026.11.01-x86_64.iso\n" SUM
                                   "  archlinux-bootstrap-2026.11.01-x86_64.tar.zst\n" SUM
                                   " *archlinux-bootstrap-x86_64.tar.zst\n";
        MirrorFile f = {};

        check(mirror_read_sums(text, "archlinux-bootstrap-", ".tar.zst", &f), &f,
              "archlinux-bootstrap-2026.11.01-x86_64.tar.zst");
        free(f.name);
        f.name = NULL;
        check(mirror_read_sums(SUM " *b-x", "b", "x", &f), &f, "b-x");
        free(f.name);
        f.name = NULL;
        ASSERT_ERROR(mirror_read_sums(text, "archlinux-bootstrap-", ".tar.gz", &f), ENOENT);
        ASSERT_ERROR(mirror_read_sums("", "a", "b", &f), ENOENT);
        ASSERT_ERROR(mirror_read_sums(SUM "  ../a", "..", "a", &f), EBADMSG);
        ASSERT_ERROR(mirror_read_sums("ff  a", "a", "", &f), EBADMSG);
        assert_null(f.name);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_alpine),
                cmocka_unit_test(test_alpine_refused),
                cmocka_unit_test(test_sums),
        };

        return RUN_TESTS(tests);
}
