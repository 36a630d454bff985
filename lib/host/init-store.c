/* SPDX-License-Identifier: GPL-2.0-or-later */
/* init-store.c - the messages between umld and umld-init's store. */

#include <stdio.h>
#include <sys/socket.h>

#include "basic/cleanup.h"
#include "basic/fd-util.h"
#include "host/init-store.h"

typedef union Control {
        struct cmsghdr align;
        char buf[CMSG_SPACE(sizeof(int))];
} Control;

int store_send(int socket, StoreMessageType type, const char *name, uint32_t a, uint32_t b,
               int fd) {
        StoreMessage m = { .type = type, .a = a, .b = b };

        if (name)
                snprintf(m.name, sizeof(m.name), "%s", name);
        return fds_send(socket, &m, sizeof(m), &fd, fd >= 0);
}

/* A second one, for which the padding of the buffer has room, is closed. */
static int passed_fd(struct msghdr *mh) {
        struct cmsghdr *c = CMSG_FIRSTHDR(mh);
        int fd = -EBADF;

        if (!c || c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
                return -EBADF;
        for (size_t i = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int); i-- > 0;) {
                safe_close(fd);
                memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(fd));
        }
        return fd;
}

int store_receive(int socket, StoreMessage *ret, int *ret_fd) {
        struct iovec iov = { .iov_base = ret, .iov_len = sizeof(*ret) };
        Control control;
        struct msghdr mh = { .msg_iov = &iov,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = sizeof(control) };
        ssize_t n = recvmsg(socket, &mh, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

        if (n < 0)
                return errno == EAGAIN || errno == EINTR ? 0 : -errno;
        if (n == 0)
                return -ECONNRESET;
        *ret_fd = passed_fd(&mh);
        if (n < (ssize_t) sizeof(*ret))
                *ret = (StoreMessage){}; /* no type */
        ret->name[sizeof(ret->name) - 1] = '\0';
        return 1;
}
