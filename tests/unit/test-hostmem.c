/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-hostmem.c - what limits the memory of a host that is made of files. */

#include <stdio.h>

#include "test.h"

#include "basic/file-util.h"
#include "basic/string-util.h"
#include "host/hostmem.h"

#define MIB (UINT64_C(1) << 20)

static char top[64];

static char *path_of(const char *name) {
        char *path = strfmt("%s/%s", top, name);

        assert_non_null(path);
        return path;
}

static void put(const char *name, const char *text) {
        _cleanup_free_ char *path = path_of(name);
        char *directory = strndupa(path, (size_t) (strrchr(path, '/') - path));

        ASSERT_OK(mkdir_p(directory, 0755));
        ASSERT_OK(write_file_atomic(path, text, strlen(text), 0644));
}

static int set_up(void **state) {
        snprintf(top, sizeof(top), "/tmp/test-hostmem.%d", getpid());
        return mkdir_p(top, 0755);
}

static int tear_down(void **state) {
        return rm_rf(top);
}

static size_t limits(MemoryLimit ret[static MEMORY_LIMITS_MAX]) {
        _cleanup_free_ char *meminfo = path_of("meminfo"), *cgroup = path_of("self-cgroup"),
                            *mountinfo = path_of("mountinfo"), *ubc = path_of("user_beancounters");
        const HostMemorySources sources = { meminfo, cgroup, mountinfo, ubc };

        return host_memory_limits(&sources, ret);
}

static void test_none(void **state) {
        MemoryLimit l[MEMORY_LIMITS_MAX];

        assert_int_equal(limits(l), 0);
        assert_null(host_memory_tightest(l, 0));
}

static void test_meminfo(void **state) {
        MemoryLimit l[MEMORY_LIMITS_MAX];

        put("meminfo", "MemTotal:        1048576 kB\nMemFree:  20480 kB\nMemAvailable:  524288 kB\n"
                       "SwapFree: 1024 kB\n");
        assert_int_equal(limits(l), 1);
        assert_string_equal(l[0].name, "MemAvailable");
        assert_int_equal(l[0].limit, 1024 * MIB);
        assert_int_equal(l[0].left, 512 * MIB);
        assert_int_equal(l[0].swap, MIB);

        /* before Linux 3.14 */
        put("meminfo",
            "MemTotal: 1048576 kB\nMemFree: 20480 kB\nCached: 10240 kB\nShmem: 2048 kB\n");
        assert_int_equal(limits(l), 1);
        assert_int_equal(l[0].left, 28 * MIB);
        assert_int_equal(l[0].swap, 0);

        put("meminfo", "MemTotal: 12 kB\nMemAvailable: many kB\n");
        assert_int_equal(limits(l), 0);
}

/* before ROOT POINT after */
static void put_mountinfo(const char *before, const char *root, const char *name,
                          const char *after) {
        _cleanup_free_ char *point = path_of(name);
        _cleanup_free_ char *text = strfmt("%s %s %s %s", before, root, point, after);

        put("mountinfo", text);
}

#define V2(root)                                                                                   \
        "25 1 0:22 / / rw - ext4 /dev/vda rw\n30 25 0:26", root, "cg2",                            \
                "rw,nosuid - cgroup2 cgroup2 rw\n"
#define V1(root)                                                                                   \
        "29 25 0:25 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu,cpuacct\n30 25 0:26", root,     \
                "cg1", "rw,nosuid shared:4 - cgroup cgroup rw,memory\n"

static void test_cgroup2(void **state) {
        MemoryLimit l[MEMORY_LIMITS_MAX];

        put_mountinfo(V2("/"));
        put("self-cgroup", "0::/a/b/c\n");
        put("cg2/a/b/c/memory.max", "max\n");
        put("cg2/a/b/c/memory.high", "max\n");
        put("cg2/a/b/c/memory.current", "1048576\n");
        assert_int_equal(limits(l), 0);

        /* its parent's: what files take that nobody uses does not count */
        put("cg2/a/b/memory.max", "268435456\n");
        put("cg2/a/b/memory.current", "134217728\n");
        put("cg2/a/b/memory.stat", "anon 5\nfile 9\ninactive_file_x 3\ninactive_file 33554432\n");
        assert_int_equal(limits(l), 1);
        assert_string_equal(l[0].name, "memory.max of control group /a/b");
        assert_int_equal(l[0].limit, 256 * MIB);
        assert_int_equal(l[0].left, 160 * MIB);

        /* the one where the kernel begins to hold us back is tighter */
        put("cg2/a/memory.current", "0\n");
        put("cg2/a/memory.high", "67108864\n");
        assert_int_equal(limits(l), 1);
        assert_string_equal(l[0].name, "memory.high of control group /a");
        assert_int_equal(l[0].left, 64 * MIB);

        put("cg2/a/memory.current", "70000000\n"); /* above it already */
        assert_int_equal(limits(l), 1);
        assert_int_equal(l[0].left, 0);
}

static void test_cgroup1(void **state) {
        MemoryLimit l[MEMORY_LIMITS_MAX];

        put_mountinfo(V1("/docker/xyz"));
        put("self-cgroup", "3:cpu,cpuacct:/elsewhere\n2:name=systemd:/\n"
                           "4:hugetlb,memory:/docker/xyz/sub\n0::/\n");
        put("cg1/memory.limit_in_bytes", "134217728\n");
        put("cg1/memory.usage_in_bytes", "33554432\n");
        put("cg1/memory.stat", "inactive_file 1\ntotal_inactive_file 16777216\n");
        put("cg1/sub/memory.limit_in_bytes", "9223372036854771712\n");
        put("cg1/sub/memory.usage_in_bytes", "0\n");
        assert_int_equal(limits(l), 1);
        assert_string_equal(l[0].name, "memory.limit_in_bytes of control group /");
        assert_int_equal(l[0].left, 112 * MIB);

        /* a place that is not below what is mounted: only the mount's own can be looked at */
        put("self-cgroup", "4:memory:/docker/xyz2\n");
        assert_int_equal(limits(l), 1);
}

static void test_cgroup_find(void **state) {
        _cleanup_free_ char *dir = NULL, *mount = NULL;
        static const char both[] = "1 2 0:1 / /cg1 rw - cgroup none rw,memory,hugetlb\n"
                                   "1 2 0:1 / /cg2 rw - cgroup2 none rw\n";

        assert_int_equal(memory_cgroup_find("", "", &mount, &dir), 0);
        assert_int_equal(memory_cgroup_find(both, "1:freezer:/a\n", &mount, &dir), 0);
        assert_int_equal(memory_cgroup_find(both, "no lines\n::\n0:\n0::x\n", &mount, &dir), 0);
        assert_null(mount);
        assert_int_equal(memory_cgroup_find(both, "0::/a\n7:memory:/b\n", &mount, &dir), 1);
        assert_string_equal(mount, "/cg1");
        assert_string_equal(dir, "/cg1/b");
        free(TAKE_PTR(dir));
        free(TAKE_PTR(mount));
        assert_int_equal(memory_cgroup_find(both, "0::/\n", &mount, &dir), 2);
        assert_string_equal(dir, "/cg2");
}

static void test_openvz(void **state) {
        MemoryLimit l[MEMORY_LIMITS_MAX];
        const MemoryLimit *tightest;

        put("meminfo", "MemTotal: 1048576 kB\nMemAvailable: 524288 kB\n");
        put("user_beancounters", "Version: 2.5\n uid resource held maxheld barrier limit failcnt\n"
                                 " 101: kmemsize 1 2 3 4 0\n"
                                 " privvmpages 0 0 131072 139264 0\n"
                                 " shmpages 16384 0 65536 65536 0\n");
        assert_int_equal(limits(l), 3);
        assert_string_equal(l[1].name, "OpenVZ's privvmpages");
        assert_int_equal(l[1].left, 512 * MIB);
        tightest = host_memory_tightest(l, 3);
        assert_string_equal(tightest->name, "OpenVZ's shmpages");
        assert_int_equal(tightest->left, 192 * MIB);

        put("user_beancounters", " 101: shmpages 0 0 9223372036854775807 9223372036854775807 0\n");
        assert_int_equal(limits(l), 1);
}

/* A host with many mounts, as one with many containers: its table is larger than any buffer that
 * somebody would think sufficient. */
static void test_many_mounts(void **state) {
        _cleanup_free_ char *text = calloc(1, 300 * 1024), *ours = path_of("cg2");
        MemoryLimit l[MEMORY_LIMITS_MAX];
        size_t n = 0;

        assert_non_null(text);
        while (n < 256 * 1024)
                n += (size_t) sprintf(text + n, "%zu 1 0:%zu / /srv/%zu rw - tmpfs tmpfs rw\n", n,
                                      n, n);
        sprintf(text + n, "30 20 0:26 / %s rw - cgroup2 cgroup2 rw\n", ours);
        put("mountinfo", text);
        put("self-cgroup", "0::/a\n");
        put("cg2/a/memory.max", "67108864\n");
        put("cg2/a/memory.current", "16777216\n");
        assert_int_equal(limits(l), 1);
        assert_int_equal(l[0].left, 48 * MIB);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(test_none),        TEST(test_meminfo),     TEST(test_cgroup2),
                TEST(test_cgroup1),     TEST(test_cgroup_find), TEST(test_openvz),
                TEST(test_many_mounts),
        };

        return RUN_TESTS(tests);
}
