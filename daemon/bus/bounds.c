/* SPDX-License-Identifier: GPL-2.0-or-later */
/* bounds.c - bounds what a client of the control socket can make us use.
 *
 * sd-bus accepts messages of 128 MiB: it allocates what the header announces, and then receives
 * into that, before anybody has looked at the message; and it keeps any number of descriptors that
 * come along. It has no setting for either. But memory that was only allocated is not taken before
 * something is written to it, and all that sd-bus receives it receives by recvmsg(), which a
 * program may define itself: the one below refuses what is too large for a request to us, and takes
 * no descriptors, which no method has a use for. Everything else is as in libc. */

#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "basic/macro.h"
#include "daemon/bus/bounds.h"

enum {
        /* Bytes. sd-bus has asked for 8 MiB, which the kernel would keep for a client that does not
         * read. */
        SEND_BUFFER = 128 * 1024,
};

static size_t size_of(const struct msghdr *mh) {
        size_t n = 0;

        for (size_t i = 0; i < mh->msg_iovlen; i++)
                n += mh->msg_iov[i].iov_len;
        return n;
}

static bool has_option(int fd, int option, int value) {
        socklen_t size = sizeof(int);
        int is = -1;

        return getsockopt(fd, SOL_SOCKET, option, &is, &size) >= 0 && is == value;
}

/* Only control connections are streams between processes that are received from by recvmsg(). Who
 * wants the sender's address, as libnl does, receives datagrams. */
static bool is_control_connection(int fd, const struct msghdr *mh) {
        return !mh->msg_name && has_option(fd, SO_TYPE, SOCK_STREAM) &&
               has_option(fd, SO_DOMAIN, AF_UNIX);
}

ssize_t recvmsg(int fd, struct msghdr *mh, int flags) {
        if (is_control_connection(fd, mh)) {
                if (size_of(mh) > BUS_MESSAGE_MAX) {
                        errno = ECONNRESET; /* upon which sd-bus closes the connection */
                        return -1;
                }
                mh->msg_control = NULL;
                mh->msg_controllen = 0;
        }
        return syscall(SYS_recvmsg, fd, mh, flags);
}

bool bus_is_clogged(sd_bus *bus) {
        uint64_t n;

        return sd_bus_get_n_queued_write(bus, &n) >= 0 && n > BUS_REPLIES_MAX;
}

int bus_bound(sd_bus *bus) {
        int fd = sd_bus_get_fd(bus), size = SEND_BUFFER;

        if (fd < 0)
                return fd;
        return RET_NERRNO(setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)));
}
