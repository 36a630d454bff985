/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-cgroup-limit.c - limits of control groups of version 2, as under a unit with Delegate=yes.
 * Run by test_cgroup2.py as init of a UML kernel: a host may have none with these controllers. */

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "test.h"

#include "basic/cleanup.h"
#include "basic/file-util.h"
#include "basic/spawn.h"
#include "basic/string-util.h"
#include "host/cgroup-find.h"
#include "host/cgroup-limit.h"
#include "host/cgroup.h"

#define TOP      "/sys/fs/cgroup"
#define UNIT     TOP "/unit"
#define GROUP    UNIT "/umld-web.1"
#define MEBIBYTE 1048576

static void assert_file(const char *path, const char *expected) {
        _cleanup_free_ char *text = NULL;

        ASSERT_OK(read_first_line(path, &text));
        assert_string_equal(text, expected);
}

static bool is_in(pid_t pid, const char *group) {
        _cleanup_free_ char *path = strfmt("/proc/%d/cgroup", pid), *line = NULL;

        ASSERT_OK(read_first_line(path, &line));
        return streq(line, group);
}

/* In that group. */
static int sleep_long(void *userdata) {
        const int *group_fd = userdata;

        if (group_fd && cgroup_enter(*group_fd) < 0)
                return 1;
        (void) sleep(600);
        return 0;
}

static int start_family(void *userdata) {
        pid_t pid;

        if (spawn(&(const Spawn){ .run = sleep_long, .death_signal = SIGKILL }, &pid) < 0)
                return 1;
        *(volatile pid_t *) userdata = pid;
        return sleep_long(NULL);
}

/* With a child of its own. */
static pid_t start_child(pid_t *ret_grandchild) {
        volatile pid_t *shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
                                      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        pid_t pid;

        assert_true(shared != MAP_FAILED);
        ASSERT_OK(spawn(&(const Spawn){ .run = start_family,
                                        .userdata = (void *) shared,
                                        .death_signal = SIGKILL },
                        &pid));
        while (*shared == 0 && kill(pid, 0) >= 0)
                (void) usleep(1000);
        *ret_grandchild = *shared;
        return pid;
}

static void end(pid_t pid) {
        (void) kill(pid, SIGKILL);
        (void) spawn_wait(pid);
}

/* Whoever reaps it. */
static void end_other(pid_t pid) {
        (void) kill(pid, SIGKILL);
        while (kill(pid, 0) >= 0)
                (void) waitpid(-1, NULL, WNOHANG);
}

/* As systemd starts a service. */
static int enter_unit(void **state) {
        if (mkdir(UNIT, 0755) < 0 && errno != EEXIST)
                return -1;
        return write_existing(TOP "/cgroup.subtree_control", "+memory +cpu") < 0 ||
                               write_existing(UNIT "/cgroup.procs", "0") < 0
                       ? -1
                       : 0;
}

static int leave_unit(void **state) {
        if (write_existing(TOP "/cgroup.procs", "0") < 0)
                return -1;
        return rmdir(UNIT);
}

typedef struct Taking {
        int group_fd;
        size_t size;
} Taking;

/* Memory that RLIMIT_DATA does not count. */
static int take_shared_memory(void *userdata) {
        const Taking *t = userdata;
        size_t size = t->size;
        char *p = cgroup_enter(t->group_fd) < 0 ? MAP_FAILED
                                                : mmap(NULL, size, PROT_READ | PROT_WRITE,
                                                       MAP_SHARED | MAP_ANONYMOUS, -1, 0);

        if (p == MAP_FAILED)
                return 1;
        memset(p, 1, size);
        return 0;
}

static int take(int group_fd, size_t size) {
        pid_t pid;

        ASSERT_OK(spawn(&(const Spawn){ .run = take_shared_memory,
                                        .userdata = &(Taking){ group_fd, size },
                                        .keep_fd = group_fd },
                        &pid));
        return spawn_wait(pid);
}

static void test_limits(void **state) {
        _cleanup_(cgroup_place_done) CgroupPlace memory = {}, cpu = {}, again = {};
        _cleanup_free_ char *path = NULL;
        _cleanup_close_ int fd = -EBADF;
        const CgroupLimits limits = { .memory = 8 * MEBIBYTE, .cpu_weight = 50, .cpu_quota = 150 };
        pid_t grandchild, child = start_child(&grandchild);
        int status;

        ASSERT_OK(cgroup_limit_place(CGROUP_MEMORY, "umld-web.1", &memory));
        assert_true(memory.unified);
        assert_string_equal(memory.path, GROUP);
        ASSERT_OK(cgroup_limit_place(CGROUP_CPU, "umld-web.1", &cpu));
        assert_string_equal(cpu.path, GROUP);
        ASSERT_OK(cgroup_path("umld-web.1", &path)); /* although we have moved */
        assert_string_equal(path, GROUP);
        assert_true(is_in(getpid(), "0::/unit/" CGROUP_INNER));
        assert_true(is_in(child, "0::/unit/" CGROUP_INNER));
        assert_true(is_in(grandchild, "0::/unit/" CGROUP_INNER));

        ASSERT_OK(cgroup_limit_set(CGROUP_MEMORY, &memory, &limits));
        assert_file(GROUP "/memory.max", "8388608");
        if (access(GROUP "/cpu.max", F_OK) >= 0)
                ASSERT_OK(cgroup_limit_set(CGROUP_CPU, &cpu, &limits));
        else /* a kernel without CONFIG_CFS_BANDWIDTH has the weight alone */
                assert_int_equal(cgroup_limit_set(CGROUP_CPU, &cpu, &limits), -EOPNOTSUPP);
        assert_file(GROUP "/cpu.weight", "50");
        fd = open(GROUP, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_true(fd >= 0);
        assert_int_equal(take(fd, 4 * MEBIBYTE), 0);
        status = take(fd, 16 * MEBIBYTE);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);

        ASSERT_OK(cgroup_limit_place(CGROUP_MEMORY, "umld-other.2", &again));
        assert_string_equal(again.path, UNIT "/umld-other.2");
        ASSERT_OK(cgroup_limit_set(CGROUP_MEMORY, &again, &limits));
        assert_int_equal(cgroup_remove(GROUP), 1);
        cgroup_return(false); /* that of another umld's guest keeps its limits */
        assert_file(UNIT "/umld-other.2/memory.max", "8388608");
        assert_true(is_in(getpid(), "0::/unit/" CGROUP_INNER));
        assert_int_equal(cgroup_remove(again.path), 1);
        cgroup_return(false);
        assert_true(is_in(getpid(), "0::/unit"));
        assert_true(is_in(child, "0::/unit"));
        assert_true(is_in(grandchild, "0::/unit"));
        assert_int_equal(access(UNIT "/" CGROUP_INNER, F_OK), -1);
        assert_file(UNIT "/cgroup.subtree_control", "");
        end(child);
        end_other(grandchild);
}

static int return_from_control(void *userdata) {
        if (write_existing(UNIT "/.control/cgroup.procs", "0") < 0)
                return 1;
        cgroup_return(true);
        return 0;
}

/* umld is dead, its guest is not, and systemd starts the next one in the group of the unit. */
static void test_next_umld(void **state) {
        _cleanup_(cgroup_place_done) CgroupPlace place = {};
        const CgroupLimits limits = { .memory = 8 * MEBIBYTE };
        _cleanup_close_ int fd = -EBADF;
        pid_t guest, control;

        ASSERT_OK(cgroup_limit_place(CGROUP_MEMORY, "umld-web.1", &place));
        ASSERT_OK(cgroup_limit_set(CGROUP_MEMORY, &place, &limits));
        fd = open(GROUP, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        ASSERT_OK(
                spawn(&(const Spawn){ .run = sleep_long, .userdata = &fd, .keep_fd = fd }, &guest));
        while (!is_in(guest, "0::/unit/umld-web.1")) /* where it moves itself */
                (void) usleep(1000);
        assert_int_equal(cgroup_limit_again(CGROUP_MEMORY, GROUP, &limits), 0);
        ASSERT_OK(write_existing(TOP "/cgroup.procs", "0"));
        assert_int_equal(write_existing(UNIT "/cgroup.procs", "0"), -EBUSY);

        assert_int_equal(mkdir(UNIT "/.control", 0755), 0);
        ASSERT_OK(spawn(&(const Spawn){ .run = return_from_control }, &control));
        assert_int_equal(spawn_wait(control), 0);
        assert_int_equal(rmdir(UNIT "/.control"), 0);
        assert_file(UNIT "/cgroup.subtree_control", "");
        assert_int_equal(access(GROUP "/memory.max", F_OK), -1);

        ASSERT_OK(write_existing(UNIT "/cgroup.procs", "0"));
        ASSERT_OK(cgroup_limit_again(CGROUP_MEMORY, GROUP, &limits));
        assert_file(GROUP "/memory.max", "8388608");
        assert_true(is_in(guest, "0::/unit/umld-web.1"));
        assert_true(is_in(getpid(), "0::/unit/" CGROUP_INNER));
        end(guest);
        assert_int_equal(cgroup_remove(GROUP), 1);
        cgroup_return(false);
}

/* In a container whose hierarchies are read-only none could be created, so there is none. */
static void test_read_only(void **state) {
        assert_int_equal(mkdir(GROUP, 0755), 0);
        assert_int_equal(mount(NULL, TOP, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL), 0);
        assert_int_equal(cgroup_remove(UNIT "/umld-none.1"), 0);
        assert_int_equal(cgroup_remove(GROUP), -EROFS);
        assert_int_equal(mount(NULL, TOP, NULL, MS_REMOUNT | MS_BIND, NULL), 0);
        assert_int_equal(cgroup_remove(GROUP), 1);
}

/* Whose parent ends, so that it is nobody's child of ours. */
static int start_stranger(void *userdata) {
        pid_t pid = fork();

        if (pid == 0)
                return sleep_long(NULL);
        *(volatile pid_t *) userdata = pid;
        return pid < 0;
}

/* A shell's group, for example: its other processes are not ours to move. */
static void test_others(void **state) {
        _cleanup_(cgroup_place_done) CgroupPlace place = {};
        pid_t *stranger = mmap(NULL, sizeof(*stranger), PROT_READ | PROT_WRITE,
                               MAP_SHARED | MAP_ANONYMOUS, -1, 0),
              child;

        assert_ptr_not_equal(stranger, MAP_FAILED);
        ASSERT_OK(spawn(&(const Spawn){ .run = start_stranger, .userdata = stranger }, &child));
        assert_int_equal(spawn_wait(child), 0);
        assert_true(is_in(*stranger, "0::/unit"));
        assert_int_equal(cgroup_limit_place(CGROUP_MEMORY, "umld-web.1", &place), -EBUSY);
        assert_null(place.path);
        assert_true(is_in(getpid(), "0::/unit"));
        assert_int_equal(access(UNIT "/" CGROUP_INNER, F_OK), -1);
        end_other(*stranger);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_limits, enter_unit, leave_unit),
                cmocka_unit_test_setup_teardown(test_next_umld, enter_unit, leave_unit),
                cmocka_unit_test_setup_teardown(test_read_only, enter_unit, leave_unit),
                cmocka_unit_test_setup_teardown(test_others, enter_unit, leave_unit),
        };

        return RUN_TESTS(tests);
}
