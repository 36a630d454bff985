/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-memfs.c - measures and remounts real tmpfs, in a mount namespace of its own. */

#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "test.h"

#include "basic/fd-util.h"
#include "basic/file-util.h"
#include "basic/string-util.h"
#include "host/hostmem.h"
#include "host/memfs.h"

#define MIB (UINT64_C(1) << 20)

static char dir[] = "/tmp/umld-test-memfs.XXXXXX";
static char *mounted; /* a directory with a name that mountinfo must escape */

static void mount_tmpfs(unsigned long flags, const char *data) {
        assert_int_equal(mount("none", mounted, "tmpfs", flags, data), 0);
}

static void unmount(void) {
        assert_int_equal(umount(mounted), 0);
}

static void write_file(const char *name, uint64_t size) {
        _cleanup_free_ char *path = strfmt("%s/%s", mounted, name);
        int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

        assert_true(fd >= 0);
        assert_int_equal(posix_fallocate(fd, 0, (off_t) size), 0);
        close(fd);
}

/* The options of the topmost mount at the directory, as the kernel tells them: "PER-MOUNT
 * SUPERBLOCK". */
static char *options(void) {
        _cleanup_fclose_ FILE *f = fopen("/proc/self/mountinfo", "re");
        _cleanup_free_ char *line = NULL, *escaped = strfmt(" %s/a\\040b\\134c ", dir);
        char *found = NULL;
        size_t room = 0;

        assert_true(f && escaped);
        while (getline(&line, &room, f) >= 0) {
                char *point = strstr(line, escaped), *super = strstr(line, " - tmpfs none ");

                if (!point || !super)
                        continue;
                free(found);
                point += strlen(escaped);
                super += strlen(" - tmpfs none ");
                found = strfmt("%.*s %.*s", (int) strcspn(point, " "), point,
                               (int) strcspn(super, "\n"), super);
        }
        assert_non_null(found);
        return found;
}

static void test_measure(void **state) {
        MemFs fs;

        mount_tmpfs(MS_NOEXEC, "size=8m");
        write_file("file", 3 * MIB);
        ASSERT_OK(memfs_measure(mounted, &fs));
        assert_int_equal(fs.size, 8 * MIB);
        assert_int_equal(fs.used, 3 * MIB);
        assert_true(fs.tmpfs && fs.noexec && !fs.read_only);
        unmount();

        mount_tmpfs(MS_RDONLY, "size=0");
        ASSERT_OK(memfs_measure(mounted, &fs));
        assert_int_equal(fs.size, 0);
        assert_true(fs.tmpfs && !fs.noexec && fs.read_only);
        unmount();

        ASSERT_OK(memfs_measure("/proc", &fs));
        assert_false(fs.tmpfs);
        fs.size = 77;
        ASSERT_ERROR(memfs_measure("/nonexistent/path", &fs), ENOENT);
        assert_int_equal(fs.size, 77);
}

/* Only the size changes, and what is stored stays. */
static void test_resize_keeps_options(void **state) {
        static const struct {
                unsigned long flags;
                const char *data;
        } mounts[] = {
                { 0, "size=8m" },
                { MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_NOATIME,
                  "size=8m,nr_inodes=1234,mode=1700,uid=7,gid=8" },
                { MS_STRICTATIME | MS_NODIRATIME, "size=8m,mode=755" },
                { MS_RELATIME | MS_LAZYTIME | MS_SYNCHRONOUS | MS_DIRSYNC, "size=8m,huge=advise" },
                { 256 /* MS_NOSYMFOLLOW */, "size=8m,mpol=bind:0" },
        };

        FOREACH_ELEMENT (m, mounts) {
                _cleanup_free_ char *before = NULL, *after = NULL, *expected = NULL;
                bool noexec = m->flags & MS_NOEXEC;
                char *size;
                MemFs fs;

                mount_tmpfs(m->flags, m->data);
                write_file("file", 3 * MIB);
                before = options();
                ASSERT_OK(memfs_remount(mounted, 64 * MIB, noexec));
                after = options();
                size = strstr(before, "size=8192k");
                assert_non_null(size);
                expected = strfmt("%.*ssize=65536k%s", (int) (size - before), before, size + 10);
                assert_string_equal(after, expected);
                ASSERT_OK(memfs_measure(mounted, &fs));
                assert_int_equal(fs.size, 64 * MIB);
                assert_int_equal(fs.used, 3 * MIB);
                unmount();
        }
}

static void test_noexec(void **state) {
        _cleanup_free_ char *before = NULL, *without = NULL, *with = NULL, *expected = NULL;
        char *word;

        mount_tmpfs(MS_NOSUID | MS_NOEXEC | MS_LAZYTIME, "size=8m,mode=1711");
        before = options();
        ASSERT_OK(memfs_remount(mounted, 8 * MIB, false));
        without = options();
        word = strstr(before, ",noexec");
        assert_non_null(word);
        expected = strfmt("%.*s%s", (int) (word - before), before, word + strlen(",noexec"));
        assert_string_equal(without, expected);
        ASSERT_OK(memfs_remount(mounted, 8 * MIB, true));
        with = options();
        assert_string_equal(with, before);
        unmount();
}

static void test_both_at_once(void **state) {
        MemFs fs;

        mount_tmpfs(MS_NOEXEC, "size=8m");
        ASSERT_OK(memfs_remount(mounted, 16 * MIB + 1, false));
        ASSERT_OK(memfs_measure(mounted, &fs));
        assert_int_equal(fs.size, 16 * MIB + (uint64_t) sysconf(_SC_PAGESIZE)); /* whole pages */
        assert_false(fs.noexec);
        unmount();
}

/* Another mount of the same file system has the size, but keeps its own noexec. */
static void test_other_mount_of_the_same(void **state) {
        _cleanup_free_ char *other = strfmt("%s/other", dir);
        MemFs fs;

        mount_tmpfs(0, "size=8m");
        assert_int_equal(mkdir(other, 0755), 0);
        assert_int_equal(mount(mounted, other, NULL, MS_BIND, NULL), 0);
        ASSERT_OK(memfs_remount(mounted, 16 * MIB, true));
        ASSERT_OK(memfs_measure(other, &fs));
        assert_int_equal(fs.size, 16 * MIB);
        assert_false(fs.noexec);
        assert_int_equal(umount(other), 0);
        unmount();
}

/* Of two file systems at one place the one that is seen is meant. */
static void test_topmost_mount(void **state) {
        MemFs fs;

        mount_tmpfs(MS_NOSUID | MS_NODEV, "size=8m");
        mount_tmpfs(MS_NOEXEC, "size=4m");
        ASSERT_OK(memfs_remount(mounted, 6 * MIB, true));
        ASSERT_OK(memfs_measure(mounted, &fs));
        assert_int_equal(fs.size, 6 * MIB);
        assert_true(fs.noexec);
        unmount();
        ASSERT_OK(memfs_measure(mounted, &fs));
        assert_int_equal(fs.size, 8 * MIB);
        unmount();
}

static void test_shrink(void **state) {
        MemFs fs;

        mount_tmpfs(0, "size=8m");
        write_file("file", 3 * MIB);
        ASSERT_ERROR(memfs_remount(mounted, 2 * MIB, false), EBUSY);
        ASSERT_OK(memfs_measure(mounted, &fs));
        assert_int_equal(fs.size, 8 * MIB);
        ASSERT_OK(memfs_remount(mounted, 3 * MIB, false));
        ASSERT_OK(memfs_measure(mounted, &fs));
        assert_int_equal(fs.size, 3 * MIB);
        ASSERT_OK(memfs_remount(mounted, 0, false)); /* no limit any more, and none can come back */
        ASSERT_ERROR(memfs_remount(mounted, 8 * MIB, false), EINVAL);
        unmount();
}

static void test_refused(void **state) {
        _cleanup_free_ char *below = strfmt("%s/below", mounted), *link = strfmt("%s/link", dir);
        MemFs fs;

        ASSERT_ERROR(memfs_remount("/nonexistent/path", 8 * MIB, false), ENOENT);
        ASSERT_ERROR(memfs_remount("/proc", 8 * MIB, false), EINVAL);
        ASSERT_ERROR(memfs_remount(dir, 8 * MIB, false), EINVAL);

        mount_tmpfs(0, "size=8m");
        assert_int_equal(mkdir(below, 0755), 0);
        ASSERT_ERROR(memfs_remount(below, 16 * MIB, false),
                     EINVAL); /* on the tmpfs, but not its mount point */
        ASSERT_ERROR(memfs_remount(mounted, UINT64_MAX, false), EINVAL);
        assert_int_equal(symlink(mounted, link), 0);
        ASSERT_OK(memfs_remount(link, 16 * MIB, false));
        ASSERT_OK(memfs_measure(mounted, &fs));
        assert_int_equal(fs.size, 16 * MIB);
        unmount();

        mount_tmpfs(MS_RDONLY, "size=8m");
        ASSERT_ERROR(memfs_remount(mounted, 16 * MIB, false), EROFS);
        unmount();
}

/* What a host says that does not let its container change the mount. */
static void test_not_allowed(void **state) {
        int status;
        pid_t pid;

        mount_tmpfs(MS_NOEXEC, "size=8m");
        pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
                if (setgroups(0, NULL) < 0 || setgid(65534) < 0 || setuid(65534) < 0)
                        _exit(1);
                if (memfs_remount(mounted, 8 * MIB, true) !=
                    0) /* nothing to do needs no permission */
                        _exit(2);
                if (memfs_remount(mounted, 16 * MIB, true) != -EPERM)
                        _exit(3);
                _exit(memfs_remount(mounted, 8 * MIB, false) == -EPERM ? 0 : 4);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 0);
        unmount();
}

static int read_available(const char *path, uint64_t *ret) {
        MemInfo m;
        int r = meminfo_read(path, &m);

        if (r >= 0)
                *ret = m.available;
        return r;
}

static int available_of(const char *text, uint64_t *ret) {
        _cleanup_free_ char *path = strfmt("%s/meminfo", dir);

        assert_non_null(path);
        ASSERT_OK(write_file_atomic(path, text, strlen(text), 0644));
        return read_available(path, ret);
}

static void test_meminfo(void **state) {
        uint64_t v = 77;

        ASSERT_OK(available_of("MemTotal:       24668168 kB\nMemFree:         100 kB\n"
                               "MemAvailable:   20000000 kB\nCached:  300 kB\n",
                               &v));
        assert_true(v == UINT64_C(20000000) * 1024);
        ASSERT_OK(available_of("MemTotal: 1000 kB\nMemFree: 100 kB\nBuffers: 0 kB\nCached: 300 kB\n"
                               "SwapCached: 9999 kB\nShmem: 50 kB\n",
                               &v));
        assert_int_equal(v, 350 * 1024);
        ASSERT_OK(available_of("MemFree: 100 kB\nCached: 300 kB\nShmem: 500 kB", &v));
        assert_int_equal(v, 100 * 1024);

        v = 77;
        ASSERT_ERROR(available_of("", &v), ENODATA);
        ASSERT_ERROR(available_of("MemAvailableX: 5 kB\nXMemAvailable: 5 kB\n", &v), ENODATA);
        ASSERT_ERROR(available_of("MemAvailable: lots kB\n", &v), EBADMSG);
        ASSERT_ERROR(available_of("MemAvailable: -5 kB\n", &v), EBADMSG);
        ASSERT_ERROR(available_of("MemAvailable: 5 MB\n", &v), EBADMSG);
        ASSERT_ERROR(available_of("MemAvailable:\n", &v), EBADMSG);
        ASSERT_ERROR(available_of("MemAvailable: 18446744073709551615 kB\n", &v), EBADMSG);
        ASSERT_ERROR(read_available("/nonexistent/path", &v), ENOENT);
        assert_int_equal(v, 77);
        ASSERT_OK(read_available("/proc/meminfo", &v));
        assert_true(v > MIB);
}

static int setup(void **state) {
        if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
            !mkdtemp(dir))
                return -1;
        mounted = strfmt("%s/a b\\c", dir);
        return mounted && chmod(dir, 0755) >= 0 && mkdir(mounted, 0755) >= 0 ? 0 : -1;
}

static int teardown(void **state) {
        int r;

        while (umount2(mounted, MNT_DETACH) >= 0) /* what a failed test left */
                ;
        free(mounted);
        r = rm_rf(dir);
        return r;
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_measure),
                cmocka_unit_test(test_resize_keeps_options),
                cmocka_unit_test(test_noexec),
                cmocka_unit_test(test_both_at_once),
                cmocka_unit_test(test_other_mount_of_the_same),
                cmocka_unit_test(test_topmost_mount),
                cmocka_unit_test(test_shrink),
                cmocka_unit_test(test_refused),
                cmocka_unit_test(test_not_allowed),
                cmocka_unit_test(test_meminfo),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, setup, teardown);
}
