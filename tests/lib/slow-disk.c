/* SPDX-License-Identifier: GPL-2.0-or-later */
/* slow-disk.c - preloaded: a disk that does not finish fsync() and fdatasync(), and a kernel that
 * does not take what libnftables sends, for as long as the file SLOW_DISK exists. */

#include <linux/netlink.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

int fsync(int fd);
int fdatasync(int fd);

static int wait_for_disk(int fd) {
        const char *path = getenv("SLOW_DISK");

        (void) fd;
        while (path && access(path, F_OK) == 0)
                usleep(10000);
        return 0;
}

int fsync(int fd) {
        return wait_for_disk(fd);
}

int fdatasync(int fd) {
        return wait_for_disk(fd);
}

/* The only one who sends to netfilter in this way. */
ssize_t sendmsg(int fd, const struct msghdr *message, int flags) {
        int protocol = -1;
        socklen_t size = sizeof(protocol);

        if (getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &size) == 0 &&
            protocol == NETLINK_NETFILTER)
                (void) wait_for_disk(fd);
        return syscall(SYS_sendmsg, fd, message, flags);
}
