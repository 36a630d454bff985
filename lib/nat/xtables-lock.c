/* SPDX-License-Identifier: GPL-2.0-or-later */
/* xtables-lock.c - the lock that serialises changes to the legacy tables. */

#include <fcntl.h>
#include <stdlib.h>
#include <sys/inotify.h>

#include "basic/cleanup.h"
#include "host/file-lock.h"
#include "nat/xtables-lock.h"

#define LOCK_FILE "/run/xtables.lock"

const char *xtables_lock_file(void) {
        const char *path = getenv("XTABLES_LOCKFILE");

        return isempty(path) ? LOCK_FILE : path;
}

int xtables_lock(void) {
        return file_lock(xtables_lock_file(), O_RDONLY | O_CREAT, 0600);
}

/* The file is made by the first one that wants the lock, and may be removed. */
static int watch_lock(void) {
        _cleanup_close_ int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);

        if (fd < 0 || inotify_add_watch(fd, xtables_lock_file(), IN_CLOSE | IN_DELETE_SELF) < 0)
                return -errno;
        return TAKE_FD(fd);
}

bool xtables_lock_released(int *fd) {
        char events[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
        bool released = false;
        ssize_t n;

        if (*fd < 0) {
                *fd = watch_lock();
                return *fd >= 0;
        }
        while ((n = read(*fd, events, sizeof(events))) > 0) {
                const struct inotify_event *e = NULL;

                released = true;
                for (ssize_t at = 0; at < n; at += (ssize_t) (sizeof(*e) + e->len)) {
                        e = (const struct inotify_event *) (events + at);
                        if (e->mask & IN_IGNORED) { /* the file is gone */
                                *fd = safe_close(*fd);
                                return true;
                        }
                }
        }
        return released;
}
