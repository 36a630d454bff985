/* SPDX-License-Identifier: GPL-2.0-or-later */
/* slow-host.c - preloaded: for as long as the file SLOW_HOST exists, a disk does not finish fsync()
 * and fdatasync(), a name service does not answer, the kernel does not take what libnftables sends,
 * and the server of the directory SLOW_HOST.d does not respond. SLOW_ALSO=access: nor does that of
 * any file which somebody other than root wants to use; SLOW_ALSO=mount: no thread can mount
 * the memory of a guest; SLOW_ALSO=group: no child can move to a control group of version 1. */

#include <dlfcn.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/netlink.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

int fsync(int fd);
int fdatasync(int fd);

static pid_t started_as;

static __attribute__((constructor)) void start(void) {
        started_as = getpid();
}

static void wait_for_host(void) {
        const char *path = getenv("SLOW_HOST");

        while (path && faccessat(AT_FDCWD, path, F_OK, 0) == 0)
                usleep(10000);
}

int fsync(int fd) {
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

static int is_slow_too(const char *what) {
        const char *also = getenv("SLOW_ALSO");

        return also && strcmp(also, what) == 0;
}

/* By its name alone, as the directories above it are opened first. */
int openat(int directory, const char *name, int flags, ...) {
        const char *slow = getenv("SLOW_HOST"), *slash = slow ? strrchr(slow, '/') : NULL;
        size_t n = slash ? strlen(slash + 1) : 0;
        mode_t mode = 0;
        va_list list;

        va_start(list, flags);
        if (flags & O_CREAT)
                mode = va_arg(list, mode_t);
        va_end(list);
        if (n > 0 && strncmp(name, slash + 1, n) == 0 && strcmp(name + n, ".d") == 0)
                wait_for_host();
        if (is_slow_too("group") && strcmp(name, "tasks") == 0 && getpid() != started_as)
                wait_for_host();
        return (int) syscall(SYS_openat, directory, name, flags, mode);
}

int access(const char *path, int mode) {
        if (is_slow_too("access") && getuid() != 0 && mode != F_OK)
                wait_for_host();
        return faccessat(AT_FDCWD, path, mode, 0);
}

int mount(const char *source, const char *target, const char *type, unsigned long flags,
          const void *data) {
        if (is_slow_too("mount") && source && strcmp(source, "umld") == 0 &&
            syscall(SYS_gettid) != getpid())
                wait_for_host();
        return (int) syscall(SYS_mount, source, target, type, flags, data);
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
