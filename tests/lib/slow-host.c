/* SPDX-License-Identifier: GPL-2.0-or-later */
/* slow-host.c - preloaded: for as long as the file SLOW_HOST exists, a disk does not finish fsync()
 * and fdatasync(), a name service does not answer, and the kernel does not take what libnftables
 * sends. */

#include <dlfcn.h>
#include <grp.h>
#include <linux/netlink.h>
#include <pwd.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

int fsync(int fd);
int fdatasync(int fd);

static void wait_for_host(void) {
        const char *path = getenv("SLOW_HOST");

        while (path && access(path, F_OK) == 0)
                usleep(10000);
}

int fsync(int fd) {
        (void) fd;
        wait_for_host();
        return 0;
}

int fdatasync(int fd) {
        return fsync(fd);
}

/* The only one who sends to netfilter in this way. */
ssize_t sendmsg(int fd, const struct msghdr *message, int flags) {
        int protocol = -1;
        socklen_t size = sizeof(protocol);

        if (getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &size) == 0 &&
            protocol == NETLINK_NETFILTER)
                wait_for_host();
        return syscall(SYS_sendmsg, fd, message, flags);
}

struct passwd *getpwnam(const char *name) {
        struct passwd *(*real)(const char *) = dlsym(RTLD_NEXT, "getpwnam");

        wait_for_host();
        return real(name);
}

struct passwd *getpwuid(uid_t uid) {
        struct passwd *(*real)(uid_t) = dlsym(RTLD_NEXT, "getpwuid");

        wait_for_host();
        return real(uid);
}

struct group *getgrnam(const char *name) {
        struct group *(*real)(const char *) = dlsym(RTLD_NEXT, "getgrnam");

        wait_for_host();
        return real(name);
}
