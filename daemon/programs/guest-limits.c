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
        } each[] = {
                { RLIMIT_NPROC, limits->processes },
                { RLIMIT_NOFILE, limits->files },
                { RLIMIT_FSIZE, limits->file_size },
#ifndef WITH_ADDRESS_SANITIZER /* whose shadow memory counts as data */
                { RLIMIT_DATA, limits->data },
#endif
        };
        int r = prefer_for_oom();

        (void) umask(077);
        FOREACH_ELEMENT (e, each)
                if (r >= 0 && e->most > 0)
                        r = limit(e->resource, e->most);
        if (r >= 0)
                r = limit(RLIMIT_MEMLOCK, 0);
        return r < 0 ? r : limit(RLIMIT_MSGQUEUE, 0);
}
