/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tun-fix.c - lets a UML kernel in an empty network namespace have its tap.
 *
 * A tap belongs to the network namespace in which /dev/net/tun was opened. So this open() returns a
 * placeholder for that path, and when the kernel says which interface it wants (TUNSETIFF),
 * umld-init is asked for a descriptor that is attached to it, which takes the place of the
 * placeholder.
 *
 * These functions run inside the kernel: on small stacks, in threads without a TLS of their own. */

#undef _FILE_OFFSET_BITS /* it would make open() another name for open64() */

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "host/init-protocol.h"
#include "host/tun-protocol.h"
#include "preload/not-dumpable.h"
#include "preload/open-mode.h"

static int (*next_ioctl)(int fd, unsigned long request, ...);

__attribute__((constructor)) static void find_next(void) {
        next_ioctl = (int (*)(int, unsigned long, ...)) dlsym(RTLD_NEXT, "ioctl");
}

static int open_file(const char *path, int flags, mode_t mode) {
        if (strcmp(path, "/dev/net/tun") == 0)
                path = "/dev/null";
        return (int) syscall(SYS_openat, AT_FDCWD, path, flags | O_LARGEFILE, mode);
}

int open(const char *path, int flags, ...) {
        return open_file(path, flags, MODE(flags));
}

int open64(const char *path, int flags, ...) {
        return open_file(path, flags, MODE(flags));
}

static long again(int call, const struct msghdr *mh, int flags) {
        long n;

        while ((n = syscall(call, GUEST_FD_TUN, mh, flags)) < 0 && errno == EINTR)
                ;
        return n;
}

/* The descriptor that came with an answer; -1 and errno if there is none. */
static int receive(void) {
        union {
                struct cmsghdr align;
                char buf[CMSG_SPACE(sizeof(int))];
        } control;
        TunAnswer answer = { 0 };
        struct iovec iov = { .iov_base = &answer, .iov_len = sizeof(answer) };
        struct msghdr mh = { .msg_iov = &iov,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = sizeof(control) };
        struct cmsghdr *c;
        int fd;

        if (again(SYS_recvmsg, &mh, MSG_CMSG_CLOEXEC) != sizeof(answer))
                errno = EIO;
        else if (answer.error != 0)
                errno = -answer.error;
        else if (!(c = CMSG_FIRSTHDR(&mh)) || c->cmsg_type != SCM_RIGHTS)
                errno = EIO;
        else {
                memcpy(&fd, CMSG_DATA(c), sizeof(fd));
                return fd;
        }
        return -1;
}

static int attach(int fd, struct ifreq *ifr) {
        TunRequest request = { .flags = (uint16_t) ifr->ifr_flags };
        struct iovec iov = { .iov_base = &request, .iov_len = sizeof(request) };
        const struct msghdr mh = { .msg_iov = &iov, .msg_iovlen = 1 };
        int attached, r;

        memcpy(request.name, ifr->ifr_name, sizeof(request.name));
        if (again(SYS_sendmsg, &mh, MSG_NOSIGNAL) < 0)
                return -1;
        attached = receive();
        if (attached < 0)
                return -1;
        r = dup3(attached, fd, O_CLOEXEC);
        (void) close(attached);
        return r < 0 ? -1 : 0;
}

int ioctl(int fd, unsigned long request, ...) {
        void *argument;
        va_list ap;

        va_start(ap, request);
        argument = va_arg(ap, void *);
        va_end(ap);
        if (request == TUNSETIFF)
                return attach(fd, argument);
        return next_ioctl(fd, request, argument);
}
