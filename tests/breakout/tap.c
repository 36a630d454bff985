/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tap.c - other interfaces than the guest's, by way of the broker or, where the kernel opens its
 * tap itself, of /dev/net/tun. */

#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "breakout.h"
#include "guest/fake-guest.h"
#include "host/init-protocol.h"
#include "host/tun-protocol.h"

#ifndef TUNGETDEVNETNS
        #define TUNGETDEVNETNS _IO('T', 227)
#endif

static bool has_broker(void) {
        int type;
        socklen_t size = sizeof(type);

        return beginning.open[GUEST_FD_TUN] &&
               getsockopt(GUEST_FD_TUN, SOL_SOCKET, SO_TYPE, &type, &size) == 0;
}

/* Without the preloaded object. */
static int open_plainly(const TunRequest *request) {
        struct ifreq ifr = {};
        int fd = (int) syscall(SYS_openat, AT_FDCWD, "/dev/net/tun", O_RDWR | O_CLOEXEC);

        if (fd < 0)
                return -errno;
        memcpy(ifr.ifr_name, request->name, IFNAMSIZ);
        ifr.ifr_flags = (short) request->flags;
        return syscall(SYS_ioctl, fd, TUNSETIFF, &ifr) < 0 ? -errno : REACHED;
}

static int ask_broker(const void *request, size_t size) {
        TunAnswer answer = { .error = -EIO };

        if (send(GUEST_FD_TUN, request, size, MSG_NOSIGNAL) < 0 ||
            recv(GUEST_FD_TUN, &answer, sizeof(answer), 0) != (ssize_t) sizeof(answer))
                return -errno;
        return answer.error < 0 ? answer.error : REACHED;
}

static int ask(const TunRequest *request) {
        return has_broker() ? ask_broker(request, sizeof(*request)) : open_plainly(request);
}

static int try_interface(const Attempt *a) {
        TunRequest request = { .flags = (uint32_t) a->number };
        const char *name = streq(a->target, "own-tap") ? guest.tap : target(a->target);

        memcpy(request.name, name, strnlen(name, sizeof(request.name) - 1));
        return ask(&request);
}

/* Its name fills the field. */
static int try_endless_name(const Attempt *a) {
        TunRequest request = { .flags = (uint32_t) a->number };

        memset(request.name, 'x', sizeof(request.name));
        return ask(&request);
}

static int try_short_request(const Attempt *a) {
        return has_broker() ? ask_broker("x", 1) : -(int) a->number;
}

/* The descriptor that the fake guest got at its step "tap". */
static int own_tap(void) {
        for (int fd = 0; fd < 64; fd++) {
                struct ifreq ifr;

                if (syscall(SYS_ioctl, fd, TUNGETIFF, &ifr) == 0)
                        return fd;
        }
        return -EBADF;
}

static int try_namespace_of_tap(const Attempt *a) {
        int tap = own_tap();

        if (tap < 0)
                return tap;
        return syscall(SYS_ioctl, tap, a->number) < 0 ? -errno : REACHED;
}

static int try_namespace_of_broker(const Attempt *a) {
        if (!has_broker())
                return -ENOTSOCK;
        return syscall(SYS_ioctl, GUEST_FD_TUN, a->number) < 0 ? -errno : REACHED;
}

/* Its descriptor may not come to be another interface's. */
static int try_change_tap(const Attempt *a) {
        struct ifreq ifr = { .ifr_flags = IFF_TAP | IFF_NO_PI };
        int tap = own_tap();

        if (tap < 0)
                return tap;
        memcpy(ifr.ifr_name, target(a->target), strnlen(target(a->target), IFNAMSIZ - 1));
        return syscall(SYS_ioctl, tap, TUNSETIFF, &ifr) < 0 ? -errno : REACHED;
}

static double seconds(void) {
        struct timespec now;

        (void) clock_gettime(CLOCK_MONOTONIC, &now);
        return (double) now.tv_sec + (double) now.tv_nsec / 1e9;
}

/* Each costs the host a system call that takes locks of its network. */
static int try_many(const Attempt *a) {
        TunRequest request = { .name = "x", .flags = IFF_TAP };
        double since = seconds();

        if (!has_broker())
                return -ENOTSOCK;
        for (int i = 0; i < 2 * a->number; i++)
                (void) ask_broker(&request, sizeof(request));
        return seconds() - since < 0.9 ? REACHED : BOUNDED;
}

/* Descriptors that whoever gets the message would have to close: the test looks for them. */
static int hand_over(int fd, const struct sockaddr_un *to, const void *data, size_t size) {
        union {
                struct cmsghdr align;
                char buf[CMSG_SPACE(64 * sizeof(int))];
        } control = {};
        struct iovec iov = { (void *) data, size };
        const struct msghdr mh = { .msg_name = (void *) to,
                                   .msg_namelen = to ? sizeof(*to) : 0,
                                   .msg_iov = &iov,
                                   .msg_iovlen = 1,
                                   .msg_control = &control,
                                   .msg_controllen = sizeof(control) };
        struct cmsghdr *c = CMSG_FIRSTHDR(&mh);
        int any = open("/dev/random", O_RDONLY | O_CLOEXEC);

        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(64 * sizeof(int));
        for (size_t i = 0; i < 64; i++)
                memcpy(CMSG_DATA(c) + i * sizeof(int), &any, sizeof(int));
        return sendmsg(fd, &mh, MSG_NOSIGNAL) < 0 ? -errno : BOUNDED;
}

static int try_stuff_init(const Attempt *a) {
        const TunRequest request = { .name = "x", .flags = IFF_TAP };
        TunAnswer answer;
        int r;

        if (!has_broker())
                return -ENOTSOCK;
        r = hand_over(GUEST_FD_TUN, NULL, &request, sizeof(request));
        (void) !recv(GUEST_FD_TUN, &answer, sizeof(answer), 0);
        return r;
}

static int try_stuff_umld(const Attempt *a) {
        struct sockaddr_un to = { .sun_family = AF_UNIX };
        int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

        snprintf(to.sun_path, sizeof(to.sun_path), "%s", guest.notify);
        return fd < 0 ? -errno : hand_over(fd, &to, "x", 1);
}

static const Attempt attempts[] = {
        { "attach to the tap of another guest", try_interface, "other-tap", IFF_TAP | IFF_NO_PI },
        { "attach to its own tap a second time", try_interface, "own-tap", IFF_TAP | IFF_NO_PI },
        { "attach to its own tap with several queues", try_interface, "own-tap",
          IFF_TAP | IFF_NO_PI | IFF_MULTI_QUEUE },
        { "attach to its own tap as a tun", try_interface, "own-tap", IFF_TUN | IFF_NO_PI },
        { "attach to the host's uplink", try_interface, "uplink", IFF_TAP | IFF_NO_PI },
        { "create an interface of the host", try_interface, "new-tap", IFF_TAP | IFF_NO_PI },
        { "ask for an interface by a name without an end", try_endless_name, NULL,
          IFF_TAP | IFF_NO_PI },
        { "ask for an interface by half a request", try_short_request, NULL, EINVAL },
        { "make its tap another interface", try_change_tap, "other-tap" },
        { "get the host's network namespace from its tap", try_namespace_of_tap, NULL,
          TUNGETDEVNETNS },
        { "get the host's network namespace from the socket of the broker", try_namespace_of_broker,
          NULL, SIOCGSKNS },
        { "fill up umld-init with descriptors", try_stuff_init },
        { "fill up umld with descriptors", try_stuff_umld },
        { "ask for interfaces without a pause", try_many, NULL, 32 },
};

const AttemptGroup group_tap = { "Interfaces", attempts, ARRAY_SIZE(attempts) };
