/* SPDX-License-Identifier: GPL-2.0-or-later */
/* xtables-lock.c - the lock that keeps programs from changing the legacy tables at once. */

#include <fcntl.h>
#include <sys/file.h>

#include "basic/cleanup.h"

#include "host/xtables-lock.h"

#define LOCK_FILE     "/run/xtables.lock"
#define FIRST_PAUSE   ((usec_t) 500)
#define LONGEST_PAUSE (10 * USEC_PER_MSEC)

int xtables_lock(usec_t timeout) {
        const char *path = getenv("XTABLES_LOCKFILE");
        _cleanup_close_ int fd = -EBADF;
        usec_t deadline = usec_add(now_usec(CLOCK_MONOTONIC), timeout), pause = FIRST_PAUSE;

        fd = open(isempty(path) ? LOCK_FILE : path, O_RDONLY | O_CREAT | O_CLOEXEC, 0600);
        if (fd < 0)
                return -errno;
        while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
                usec_t left;

                if (errno != EWOULDBLOCK && errno != EINTR)
                        return -errno;
                left = usec_sub(deadline, now_usec(CLOCK_MONOTONIC));
                if (left == 0)
                        return -ETIMEDOUT;
                /* Most hold it for a millisecond or two; the pauses grow for those who do not. */
                usleep((useconds_t) MIN(pause, left));
                pause = MIN(pause * 2, LONGEST_PAUSE);
        }
        return TAKE_FD(fd);
}
