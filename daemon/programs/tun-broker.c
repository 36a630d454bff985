/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tun-broker.c - attaches a descriptor of /dev/net/tun to the guest's tap, for its kernel. */

#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "basic/cleanup.h"
#include "basic/fd-util.h"
#include "daemon/programs/tun-broker.h"
#include "host/tun-node.h"
#include "host/tun-protocol.h"

enum {
        ANSWERS_MAX = 32, /* in a second: a guest that takes its interface down and up asks once */
};

/* What kernels ask for; no other kind of attachment is theirs to make. */
#define FLAGS_ALLOWED (IFF_TAP | IFF_NO_PI | IFF_VNET_HDR)

static int attach(const char *tap, const TunRequest *request) {
        _cleanup_close_ int fd = -EBADF;
        struct ifreq ifr = {};
        unsigned index;

        if (strnlen(request->name, sizeof(request->name)) == sizeof(request->name) ||
            !streq(request->name, tap) || (request->flags & ~(uint32_t) FLAGS_ALLOWED) ||
            !(request->flags & IFF_TAP))
                return -EPERM;
        index = if_nametoindex(tap);
        fd = open(tun_node(), O_RDWR | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", tap);
        ifr.ifr_flags = (short) request->flags;
        if (ioctl(fd, TUNSETIFF, &ifr) < 0)
                return -errno;
        /* A tap that has gone, which the guest can bring about, would be created by that call,
         * without owner and settings; it goes with this descriptor. */
        return index > 0 && if_nametoindex(tap) == index ? TAKE_FD(fd) : -ENODEV;
}

/* A kernel that does not read its answers loses them; umld-init must not wait for it. */
static void reply(int socket_fd, int attached) {
        const TunAnswer answer = { .error = MIN(attached, 0) };

        (void) fds_send(socket_fd, &answer, sizeof(answer), &attached, attached >= 0);
}

usec_t tun_broker_pause(const TunBroker *b, usec_t now) {
        usec_t until = usec_add(b->since, USEC_PER_SEC);

        return b->answered < ANSWERS_MAX || now >= until ? 0 : until - now;
}

void tun_broker_answer(TunBroker *b, usec_t now) {
        TunRequest request;
        int attached;
        ssize_t n = recv(b->fd, &request, sizeof(request), MSG_DONTWAIT | MSG_TRUNC);

        if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
                b->fd = safe_close(b->fd);
        if (n <= 0)
                return;
        if (now >= usec_add(b->since, USEC_PER_SEC)) {
                b->since = now;
                b->answered = 0;
        }
        b->answered++;
        b->attached = safe_close(b->attached); /* a tap has one at a time */
        attached = n == sizeof(request) ? attach(b->tap, &request) : -EINVAL;
        reply(b->fd, attached);
        if (attached >= 0)
                b->attached = attached;
}
