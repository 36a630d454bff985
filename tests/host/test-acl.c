/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-acl.c - access control lists as text, and on a real file system with and without them. */

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "test.h"

#include "basic/cleanup.h"
#include "basic/path-trust.h"
#include "host/access.h"
#include "host/acl.h"

#define FILE_NAME "/tmp/file"

enum {
        FIRST_UID = 61201, /* no guest of another test has it */
        SECOND_UID,
};

static bool no_lists; /* setxattr() as on a file system that has none */

int setxattr(const char *path, const char *name, const void *value, size_t size, int flags);
int setxattr(const char *path, const char *name, const void *value, size_t size, int flags) {
        if (no_lists) {
                errno = EOPNOTSUPP;
                return -1;
        }
        return lsetxattr(path, name, value, size, flags);
}

static void make_file(mode_t mode) {
        int fd = open(FILE_NAME, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

        ASSERT_OK(fd);
        close(fd);
        ASSERT_OK(RET_NERRNO(chmod(FILE_NAME, mode)));
}

static bool may(uid_t uid) {
        const AccessWish wish = { FILE_NAME, R_OK | W_OK };
        Child question = {};
        size_t which;
        int r;

        while ((r = access_as_user(&question, uid, &wish, 1, &which)) == -EAGAIN)
                (void) usleep(200);
        return r >= 0;
}

static mode_t mode(void) {
        struct stat st;

        ASSERT_OK(RET_NERRNO(stat(FILE_NAME, &st)));
        return st.st_mode & 07777;
}

/* Two users come and go; what is left is what was there. */
static void test_users(void **state) {
        static const mode_t modes[] = { 0600, 0660, 0644, 0620 };
        Acl before, a;

        FOREACH_ELEMENT (m, modes) {
                make_file(*m);
                ASSERT_OK(acl_get(FILE_NAME, &before));
                a = before;
                ASSERT_OK(acl_add_user(&a, FIRST_UID));
                ASSERT_OK(acl_add_user(&a, FIRST_UID)); /* is there once */
                ASSERT_OK(acl_set(FILE_NAME, &a));
                assert_true(may(FIRST_UID));
                assert_false(may(SECOND_UID));
                ASSERT_OK(acl_add_user(&a, SECOND_UID));
                ASSERT_OK(acl_set(FILE_NAME, &a));
                assert_true(may(SECOND_UID));
                ASSERT_OK(acl_get(FILE_NAME, &a));
                assert_true(acl_has_user(&a, FIRST_UID) && acl_has_user(&a, SECOND_UID));
                assert_false(acl_has_all(&a));
                acl_remove_user(&a, FIRST_UID);
                ASSERT_OK(acl_set(FILE_NAME, &a));
                assert_false(may(FIRST_UID));
                assert_true(may(SECOND_UID));
                acl_remove_user(&a, FIRST_UID); /* who is not there */
                acl_remove_user(&a, SECOND_UID);
                ASSERT_OK(acl_set(FILE_NAME, &a));
                assert_memory_equal(&a.entries, &before.entries, sizeof(a.entries[0]) * before.n);
                assert_int_equal(a.n, before.n);
                assert_int_equal(mode(), *m);
                assert_false(may(SECOND_UID));
        }
}

/* Somebody's mask hides what his names may; it is not for us to lift it. */
static void test_foreign_mask(void **state) {
        Acl a;

        make_file(0600);
        ASSERT_OK(acl_get(FILE_NAME, &a));
        ASSERT_OK(acl_add_user(&a, FIRST_UID));
        ASSERT_OK(acl_set(FILE_NAME, &a));
        ASSERT_OK(RET_NERRNO(chmod(FILE_NAME, 0640))); /* of the mask */
        ASSERT_OK(acl_get(FILE_NAME, &a));
        assert_false(acl_has_user(&a, FIRST_UID));
        ASSERT_ERROR(acl_add_user(&a, SECOND_UID), EBUSY);
        ASSERT_OK(RET_NERRNO(unlink(FILE_NAME)));
}

/* All of it is also said by a mode, unless it names somebody. */
static void test_without_lists(void **state) {
        Acl before, a;

        make_file(0640);
        ASSERT_OK(acl_get(FILE_NAME, &before));
        no_lists = true;
        a = before;
        acl_add_all(&a);
        assert_true(acl_has_all(&a));
        ASSERT_OK(acl_set(FILE_NAME, &a));
        assert_int_equal(mode(), 0666);
        assert_true(may(FIRST_UID));
        ASSERT_OK(acl_add_user(&a, FIRST_UID));
        ASSERT_ERROR(acl_set(FILE_NAME, &a), EOPNOTSUPP);
        ASSERT_OK(acl_set(FILE_NAME, &before));
        assert_int_equal(mode(), 0640);
        no_lists = false;
}

static void test_text(void **state) {
        char text[ACL_TEXT_MAX], again[ACL_TEXT_MAX];
        Acl a, b;

        make_file(0640);
        ASSERT_OK(acl_get(FILE_NAME, &a));
        assert_string_equal(acl_format(&a, text), "1:6:0 4:4:0 32:0:0");
        ASSERT_OK(acl_add_user(&a, 4294967294U));
        assert_string_equal(acl_format(&a, text), "1:6:0 2:6:4294967294 4:4:0 16:6:0 32:0:0");
        ASSERT_OK(acl_parse(text, &b));
        assert_string_equal(acl_format(&b, again), text);
        ASSERT_OK(acl_set(FILE_NAME, &b));
        for (uid_t uid = 1; uid <= ACL_ENTRIES_MAX - 5; uid++)
                ASSERT_OK(acl_add_user(&a, uid));
        ASSERT_ERROR(acl_add_user(&a, ACL_ENTRIES_MAX), E2BIG);
        ASSERT_OK(acl_parse(acl_format(&a, text), &b));
        assert_int_equal(b.n, ACL_ENTRIES_MAX);
}

static void test_bad_text(void **state) {
        static const char *const texts[] = {
                "", "1:6:0", "1:6:0 4:4:0", "1:6:0 4:4:0 x", "1:6:0 4:4:0 32:0:", "600"
        };
        Acl a;

        FOREACH_ELEMENT (t, texts)
                ASSERT_ERROR(acl_parse(*t, &a), EINVAL);
}

/* 1 = by their path and by what is open, others may write to it. */
static int is_changed_by_others(const char *path) {
        _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
        _cleanup_free_ char *where = NULL;
        int r = path_changed_by_others(path, &where);
        struct stat st;

        ASSERT_OK(fd);
        ASSERT_OK(RET_NERRNO(fstat(fd, &st)));
        assert_int_equal(open_changed_by_others(fd, &st), r);
        return r;
}

/* The mode of such a file alone looks as if only root's group could write to it. */
static void test_trust(void **state) {
        static const struct {
                const char *list;
                int changed;
        } cases[] = {
                { "1:6:0 4:6:0 32:4:0", 0 },
                { "1:6:0 2:6:0 4:4:0 16:6:0 32:4:0", 0 }, /* root by its name */
                { "1:6:0 2:6:61201 4:4:0 16:6:0 32:4:0", 1 },
                { "1:6:0 2:6:61201 4:4:0 16:4:0 32:4:0", 0 }, /* but not by the mask */
                { "1:6:0 2:4:61201 4:4:0 16:6:0 32:4:0", 0 },
                { "1:6:0 4:4:0 8:6:61201 16:6:0 32:4:0", 1 },
        };
        Acl a;

        make_file(0644);
        FOREACH_ELEMENT (c, cases) {
                ASSERT_OK(acl_parse(c->list, &a));
                ASSERT_OK(acl_set(FILE_NAME, &a));
                assert_int_equal(is_changed_by_others(FILE_NAME), c->changed);
        }
        ASSERT_OK(RET_NERRNO(chmod(FILE_NAME, 0644)));
        ASSERT_OK(RET_NERRNO(mkdir("/tmp/directory", 0755)));
        assert_int_equal(is_changed_by_others("/tmp/directory"), 0);
        ASSERT_OK(acl_parse("1:7:0 2:7:61201 4:5:0 16:7:0 32:5:0", &a));
        ASSERT_OK(acl_set("/tmp/directory", &a));
        assert_int_equal(is_changed_by_others("/tmp/directory"), 1);
}

static int set_up(void **state) {
        ASSERT_OK(RET_NERRNO(unshare(CLONE_NEWNS)));
        ASSERT_OK(RET_NERRNO(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL)));
        return RET_NERRNO(mount("umld-test", "/tmp", "tmpfs", 0, NULL));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_users),         cmocka_unit_test(test_foreign_mask),
                cmocka_unit_test(test_without_lists), cmocka_unit_test(test_text),
                cmocka_unit_test(test_bad_text),      cmocka_unit_test(test_trust),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, set_up, NULL);
}
