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

static const MountWish tun = { .what = MOUNT_TUN, .owner = TEST_UID }, memory = {
        .what = MOUNT_MEMORY, .owner = TEST_UID, .directory = "/memory", .size = MEMORY
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
        assert(WAIT_FOR(mount_ns_add(&job, &fd, &tun)) >= 0);
        assert(fd >= 0);
        if (in_root)
                assert(WAIT_FOR(mount_ns_add(&job, &fd, &memory)) >= 0);
        assert(count_mounts() == before); /* nothing of it is seen out here */
        look_inside(fd, in_root);
        _exit(0);
}

/* In a mount namespace of the test's own, with mounts that spread as systemd has them, and with a
 * /tmp that ends with it. */
static int set_up(void **state) {
        ASSERT_OK(RET_NERRNO(unshare(CLONE_NEWNS)));
        ASSERT_OK(RET_NERRNO(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL)));
        ASSERT_OK(RET_NERRNO(mount("umld-test", "/tmp", "tmpfs", 0, NULL)));
        return RET_NERRNO(mount(NULL, "/", NULL, MS_REC | MS_SHARED, NULL));
}

static void test_own_root(void **state) {
        run_in_child("/", false);
}

static void test_chroot(void **state) {
        static const bool is_mount[] = { false, true };

        FOREACH_ELEMENT (m, is_mount) {
                _cleanup_free_ char *root = make_root(*m);

                run_in_child(root, true);
        }
}

/* Then what the child says comes by number 0. */
static void test_without_standard_input(void **state) {
        pid_t child = fork();
        int status, fd = -EBADF;

        ASSERT_OK(child);
        if (child == 0) {
                alarm(20);
                close(STDIN_FILENO);
                _exit(WAIT_FOR(mount_ns_add(&job, &fd, &tun)) >= 0 ? 0 : 1);
        }
        ASSERT_OK(RET_NERRNO(waitpid(child, &status, 0)));
        assert_int_equal(status, 0);
}

/* A thread that has said that it is done may still close what it shared with us. */
static void wait_for_threads(void) {
        struct stat st;

        while (stat("/proc/self/task", &st) >= 0 && st.st_nlink > 3) /* ., .., and ours */
                (void) usleep(200);
}

/* At whatever point no more files may be open: it fails, and nothing is left open. */
static int try_with(unsigned more) {
        int next = dup(STDOUT_FILENO), fd = -EBADF, r;
        struct rlimit limit;

        close(next);
        ASSERT_OK(RET_NERRNO(getrlimit(RLIMIT_NOFILE, &limit)));
        limit.rlim_cur = (rlim_t) next + more;
        ASSERT_OK(RET_NERRNO(setrlimit(RLIMIT_NOFILE, &limit)));
        r = WAIT_FOR(mount_ns_add(&job, &fd, &tun));
        assert(r >= 0 ? fd >= 0 : r == -EMFILE && fd == -EBADF);
        safe_close(fd);
        limit.rlim_cur = limit.rlim_max;
        ASSERT_OK(RET_NERRNO(setrlimit(RLIMIT_NOFILE, &limit)));
        wait_for_threads();
        fd = dup(STDOUT_FILENO);
        assert(fd == next);
        close(fd);
        return r;
}

static void test_too_many_files(void **state) {
        pid_t child = fork();
        int status;

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

/* Waits until it is let go, and then changes everything that is not to be the process's. */
static int go_away(void *userdata) {
        const int *gate = userdata;
        char go;

        if (read(*gate, &go, 1) != 1)
                return -EIO;
        (void) umask(077);
        return RET_NERRNO(chdir("/proc")) < 0 ? -errno : RET_NERRNO(unshare(CLONE_NEWUTS));
}

static ino_t uts_namespace(void) {
        struct stat st;

        ASSERT_OK(RET_NERRNO(stat("/proc/self/ns/uts", &st)));
        return st.st_ino;
}

/* Whether it is taken or given up, only the thread has moved, and nothing is left of it. */
static void test_only_the_thread_moves(void **state) {
        const ino_t ours = uts_namespace();
        char before[4096], after[4096];
        const mode_t mask = umask(022);
        struct stat st;
        int gate[2], fd;

        assert_non_null(getcwd(before, sizeof(before)));
        for (int given_up = 0; given_up < 2; given_up++) {
                NsJob job = {};
                int next, r;

                ASSERT_OK(RET_NERRNO(pipe(gate)));
                next = dup(gate[0]);
                close(next);
                ASSERT_OK(ns_job_begin(
                        &job, &(NsWish){ .file = "uts", .make = go_away, .userdata = &gate[0] }));
                assert_int_equal(ns_job_take(&job), -EAGAIN);
                if (given_up)
                        ns_job_done(&job);
                assert_int_equal(write(gate[1], "", 1), 1);
                while (!given_up && (r = ns_job_take(&job)) == -EAGAIN)
                        (void) usleep(200);
                wait_for_threads();
                if (!given_up) {
                        ASSERT_OK(RET_NERRNO(fstat(r, &st)));
                        assert_true(st.st_ino != ours);
                        close(r);
                }
                fd = dup(gate[0]);
                assert_int_equal(fd, next);
                close(fd);
                close(gate[0]);
                close(gate[1]);
        }
        assert_true(uts_namespace() == ours);
        assert_int_equal(umask(mask), 022);
        assert_non_null(getcwd(after, sizeof(after)));
        assert_string_equal(before, after);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_own_root),
                cmocka_unit_test(test_chroot),
                cmocka_unit_test(test_without_standard_input),
                cmocka_unit_test(test_too_many_files),
                cmocka_unit_test(test_only_the_thread_moves),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, set_up, NULL);
}
