/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-mount-ns.c - a guest's own view of the file system, of an umld on a machine of its own and
 * of one in a chroot. */

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test.h"

#include "basic/cleanup.h"
#include "basic/string-util.h"
#include "host/mount-ns.h"

enum {
        TEST_UID = 61203,
        MEMORY = 1 << 20,
};

/* A directory that can be a root: with /proc, and a place for what is to be added. */
static char *make_root(bool is_mount) {
        static const char *const parts[] = { "proc", "dev", "dev/net", "memory", "this-root" };
        char *root = strdup("/tmp/umld-test-mount-ns.XXXXXX");
        _cleanup_free_ char *null = NULL;

        assert_non_null(root);
        assert_non_null(mkdtemp(root));
        if (is_mount)
                ASSERT_OK(RET_NERRNO(mount(root, root, NULL, MS_BIND, NULL)));
        FOREACH_ELEMENT (part, parts) {
                _cleanup_free_ char *path = strfmt("%s/%s", root, *part);

                ASSERT_OK(RET_NERRNO(mkdir(path, 0755)));
                if (streq(*part, "proc"))
                        ASSERT_OK(RET_NERRNO(mount("proc", path, "proc", 0, NULL)));
        }
        null = strfmt("%s/dev/null", root);
        ASSERT_OK(RET_NERRNO(mknod(null, S_IFCHR | 0666, makedev(1, 3))));
        return root;
}

static unsigned count_mounts(void) {
        _cleanup_fclose_ FILE *f = fopen("/proc/self/mountinfo", "re");
        unsigned n = 0;

        assert_non_null(f);
        for (int c; (c = fgetc(f)) != EOF;)
                n += c == '\n';
        return n;
}

static void assert_tun(const char *path) {
        struct stat st;

        ASSERT_OK(RET_NERRNO(stat(path, &st)));
        assert_true(S_ISCHR(st.st_mode));
        assert_int_equal(st.st_rdev, makedev(10, 200));
        assert_int_equal(st.st_uid, TEST_UID);
        assert_int_equal(st.st_mode & 07777, 0600);
}

/* Those that are made here take less than the ten seconds that a job may take. */
#define WAIT_FOR(call)                                                                             \
        ({                                                                                         \
                NsJob job = {};                                                                    \
                int _r;                                                                            \
                                                                                                   \
                while ((_r = (call)) == -EAGAIN)                                                   \
                        (void) usleep(200);                                                        \
                _r;                                                                                \
        })

/* What a guest sees in the namespace that was made for it. */
static void look_inside(int fd, bool in_root) {
        struct stat st;

        ASSERT_OK(RET_NERRNO(setns(fd, CLONE_NEWNS)));
        if (in_root)
                ASSERT_OK(RET_NERRNO(access("/this-root", F_OK)));
        assert_tun("/dev/net/tun");
        ASSERT_OK(RET_NERRNO(stat("/proc/self/status", &st)));
        if (in_root) {
                ASSERT_OK(RET_NERRNO(stat("/memory", &st)));
                assert_int_equal(st.st_uid, TEST_UID);
        }
}

/* In a child, for there is no way back from a chroot; failed asserts end it with a message. */
static void run_in_child(const char *root, bool in_root) {
        int status, fd = -EBADF;
        unsigned before;
        pid_t child = fork();

        ASSERT_OK(child);
        if (child > 0) {
                ASSERT_OK(RET_NERRNO(waitpid(child, &status, 0)));
                assert_int_equal(status, 0);
                return;
        }
        if (chroot(root) < 0 || chdir("/") < 0)
                _exit(1);
        before = count_mounts();
        assert(WAIT_FOR(mount_ns_add_tun(&job, &fd, TEST_UID)) >= 0);
        assert(fd >= 0);
        if (in_root)
                assert(WAIT_FOR(mount_ns_add_memory(&job, &fd, "/memory", TEST_UID, MEMORY)) >= 0);
        assert(count_mounts() == before); /* nothing of it is seen out here */
        look_inside(fd, in_root);
        _exit(0);
}

/* In a mount namespace of the test's own, with mounts that spread as systemd has them, and with a
 * /tmp that ends with it. */
static int set_up(void **state) {
        (void) state;
        ASSERT_OK(RET_NERRNO(unshare(CLONE_NEWNS)));
        ASSERT_OK(RET_NERRNO(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL)));
        ASSERT_OK(RET_NERRNO(mount("umld-test", "/tmp", "tmpfs", 0, NULL)));
        return RET_NERRNO(mount(NULL, "/", NULL, MS_REC | MS_SHARED, NULL));
}

static void test_own_root(void **state) {
        (void) state;
        run_in_child("/", false);
}

static void test_chroot(void **state) {
        static const bool is_mount[] = { false, true };

        (void) state;
        FOREACH_ELEMENT (m, is_mount) {
                _cleanup_free_ char *root = make_root(*m);

                run_in_child(root, true);
        }
}

/* Then what the child says comes by number 0. */
static void test_without_standard_input(void **state) {
        pid_t child = fork();
        int status, fd = -EBADF;

        (void) state;
        ASSERT_OK(child);
        if (child == 0) {
                alarm(20);
                close(STDIN_FILENO);
                _exit(WAIT_FOR(mount_ns_add_tun(&job, &fd, TEST_UID)) >= 0 ? 0 : 1);
        }
        ASSERT_OK(RET_NERRNO(waitpid(child, &status, 0)));
        assert_int_equal(status, 0);
}

/* At whatever point no more files may be open: it fails, and nothing is left open. -EIO is a child
 * that had none left for itself. */
static int try_with(unsigned more) {
        int next = dup(STDOUT_FILENO), fd = -EBADF, r;
        struct rlimit limit;

        close(next);
        ASSERT_OK(RET_NERRNO(getrlimit(RLIMIT_NOFILE, &limit)));
        limit.rlim_cur = (rlim_t) next + more;
        ASSERT_OK(RET_NERRNO(setrlimit(RLIMIT_NOFILE, &limit)));
        r = WAIT_FOR(mount_ns_add_tun(&job, &fd, TEST_UID));
        assert(r >= 0 ? fd >= 0 : (r == -EMFILE || r == -EIO) && fd == -EBADF);
        safe_close(fd);
        limit.rlim_cur = limit.rlim_max;
        ASSERT_OK(RET_NERRNO(setrlimit(RLIMIT_NOFILE, &limit)));
        fd = dup(STDOUT_FILENO);
        assert(fd == next);
        close(fd);
        return r;
}

static void test_too_many_files(void **state) {
        pid_t child = fork();
        int status;

        (void) state;
        ASSERT_OK(child);
        if (child == 0) {
                unsigned more = 0;

                alarm(60);
                while (try_with(more) < 0)
                        more++;
                _exit(more > 0 && waitpid(-1, NULL, WNOHANG) < 0 ? 0 : 1);
        }
        ASSERT_OK(RET_NERRNO(waitpid(child, &status, 0)));
        assert_int_equal(status, 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_own_root),
                cmocka_unit_test(test_chroot),
                cmocka_unit_test(test_without_standard_input),
                cmocka_unit_test(test_too_many_files),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, set_up, NULL);
}
