/* SPDX-License-Identifier: GPL-2.0-or-later */
/* net-ns.c - an empty network namespace. */

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "basic/cleanup.h"
#include "basic/spawn.h"
#include "host/net-ns.h"

enum {
        FD_PARENT = 3,
        FDS,
};

/* Until its parent has opened its namespace. */
static int wait_for_parent(void *userdata) {
        char c;

        (void) userdata;
        (void) !read(FD_PARENT, &c, 1);
        return 0;
}

int net_ns_new(void) {
        _cleanup_close_ int ours = -EBADF, theirs = -EBADF;
        int fds[FDS] = { -EBADF, -EBADF, -EBADF }, pair[2], r;
        char path[32];
        pid_t child;

        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
                return -errno;
        ours = pair[0];
        theirs = fds[FD_PARENT] = pair[1];
        r = spawn(&(const Spawn){ .run = wait_for_parent,
                                  .fds = fds,
                                  .n_fds = FDS,
                                  .namespaces = CLONE_NEWNET },
                  &child);
        if (r < 0)
                return r;
        snprintf(path, sizeof(path), "/proc/%d/ns/net", child);
        r = RET_NERRNO(open(path, O_RDONLY | O_CLOEXEC));
        theirs = safe_close(theirs);
        ours = safe_close(ours);
        (void) spawn_wait(child);
        return r;
}
