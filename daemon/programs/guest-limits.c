/* SPDX-License-Identifier: GPL-2.0-or-later */
/* guest-limits.c - applies the resource limits of a guest's kernel. */

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "basic/cleanup.h"
#include "daemon/programs/guest-limits.h"

enum {
        OOM_SCORE = 300, /* services have 0 */
};

/* If the host runs out of memory, the OOM killer prefers the guest's processes to services. */
static int prefer_for_oom(void) {
        _cleanup_close_ int fd = open("/proc/self/oom_score_adj", O_RDWR | O_CLOEXEC);
        char text[16] = "";
        ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

        if (n < 0)
                return -errno;
        if (atoi(text) >= OOM_SCORE)
                return 0;
        n = snprintf(text, sizeof(text), "%d", OOM_SCORE);
        return pwrite(fd, text, (size_t) n, 0) < 0 ? -errno : 0;
}

/* Never more than what umld itself may use. */
static int limit(int resource, uint64_t most) {
        struct rlimit l;

        if (getrlimit(resource, &l) < 0)
                return -errno;
        l.rlim_max = MIN(l.rlim_max, (rlim_t) most);
        l.rlim_cur = l.rlim_max;
        return RET_NERRNO(setrlimit(resource, &l));
}

int guest_limits_apply(const LaunchLimits *limits) {
        const struct {
                int resource;
                uint64_t most;
                bool set;
        } each[] = {
                { RLIMIT_NPROC, limits->processes, limits->processes > 0 },
                { RLIMIT_NOFILE, limits->files, limits->files > 0 },
                { RLIMIT_FSIZE, limits->file_size, limits->file_size > 0 },
#ifndef WITH_ADDRESS_SANITIZER /* whose shadow memory counts as data */
                { RLIMIT_DATA, limits->data, limits->data > 0 },
#endif
                { RLIMIT_MEMLOCK, 0, true },
                { RLIMIT_MSGQUEUE, 0, true },
        };
        int error = prefer_for_oom();

        (void) umask(077);
        FOREACH_ELEMENT (e, each) {
                int r = e->set ? limit(e->resource, e->most) : 0;

                error = error < 0 ? error : r;
        }
        return error;
}
