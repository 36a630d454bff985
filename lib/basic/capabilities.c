/* SPDX-License-Identifier: GPL-2.0-or-later */
/* capabilities.c - drops capabilities. */

#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "basic/capabilities.h"

/* A kernel older than our headers does not know the last ones; who lacks CAP_SETPCAP has nothing to
 * drop that a child could get by an exec as root. */
static int drop_bounding(uint64_t wanted) {
        for (int cap = 0; cap <= CAP_LAST_CAP; cap++)
                if (!(wanted >> cap & 1) && prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0 &&
                    errno != EINVAL && errno != EPERM)
                        return -errno;
        return 0;
}

int capabilities_keep(uint64_t wanted) {
        struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
        struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {};
        int r;

        /* Inherited ones would become the child's at an exec; not every kernel has ambient ones. */
        (void) prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
        r = drop_bounding(wanted);
        if (r < 0)
                return r;
        if (syscall(SYS_capget, &header, data) < 0)
                return -errno;
        for (size_t i = 0; i < ARRAY_SIZE(data); i++) {
                uint32_t keep = (uint32_t) (wanted >> (32 * i));

                data[i].inheritable = 0;
                if (wanted != 0) {
                        data[i].permitted &= keep;
                        data[i].effective &= keep;
                }
        }
        return syscall(SYS_capset, &header, data) < 0 ? -errno : 0;
}

int capabilities_drop(void) {
        struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
        struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {};

        return syscall(SYS_capset, &header, none) < 0 ? -errno : 0;
}
