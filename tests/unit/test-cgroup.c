/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-cgroup.c - where this process is in the cgroup2 hierarchy, from the host's own words. */

#include <string.h>

#include "test.h"

#include "basic/cleanup.h"
#include "host/cgroup.h"

#define HYBRID                                                                                     \
        "30 25 0:26 / /sys/fs/cgroup rw - tmpfs cgroup rw\n"                                       \
        "31 30 0:27 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu\n"                     \
        "41 30 0:37 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup rw\n"
#define UNIFIED "25 19 0:22 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"
#define PARTIAL "25 19 0:22 /docker/x /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n"
/* Something else is mounted over it, or over a directory above, or it is seen elsewhere still. */
#define COVERED "26 25 0:50 / /sys/fs/cgroup rw - tmpfs none rw\n"
#define ABOVE   "27 19 0:51 / /sys rw - sysfs sysfs rw\n"
#define ROOT    "19 1 8:1 / / rw - ext4 /dev/sda rw\n"
#define NEWROOT "28 19 8:1 / / rw - ext4 /dev/sda rw\n"
#define BESIDE  "29 19 0:52 / /sys/fs/cgroups rw - tmpfs none rw\n"
#define AGAIN   "40 19 0:22 / /mnt/a\\040b rw - cgroup2 cgroup2 rw\n"

static void test_own_directory(void **state) {
        static const struct {
                const char *mountinfo, *cgroup, *expected;
        } cases[] = {
                { HYBRID, "4:cpu:/\n0::/\n", "/sys/fs/cgroup/unified/" },
                { UNIFIED, "0::/system.slice/umld@web.service\n",
                  "/sys/fs/cgroup/system.slice/umld@web.service" },
                { UNIFIED, "0::/a b\n", "/sys/fs/cgroup/a b" },
                { PARTIAL, "0::/\n",
                  NULL }, /* a part of the hierarchy only: its paths do not fit */
                { "31 30 0:27 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n", "0::/\n", NULL },
                { UNIFIED, "4:cpu:/\n", NULL },
                { "", "", NULL },
                { ROOT UNIFIED, "0::/a", "/sys/fs/cgroup/a" },
                { ROOT UNIFIED BESIDE, "0::/a", "/sys/fs/cgroup/a" },
                { ROOT UNIFIED COVERED, "0::/a", NULL },
                { ROOT UNIFIED ABOVE, "0::/a", NULL },
                { ROOT UNIFIED NEWROOT, "0::/a", NULL },
                { ROOT UNIFIED COVERED AGAIN, "0::/a", "/mnt/a b/a" },
                { "1 2 3 - cgroup2 x\n1 2\n - cgroup2 cgroup2 rw\n", "0::/a", NULL },
        };

        FOREACH_ELEMENT (c, cases) {
                _cleanup_free_ char *path = cgroup_own_directory(c->mountinfo, c->cgroup);

                if (c->expected)
                        assert_string_equal(path, c->expected);
                else
                        assert_null(path);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = { cmocka_unit_test(test_own_directory) };

        return RUN_TESTS(tests);
}
