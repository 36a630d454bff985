/* SPDX-License-Identifier: GPL-2.0-or-later */
/* peer.c - credentials of connections and of messages. */

#include "basic/peer.h"

static const struct ucred unknown = { .pid = 0, .uid = (uid_t) -1, .gid = (gid_t) -1 };

struct ucred peer_of(int fd) {
        struct ucred cred = unknown;
        socklen_t size = sizeof(cred);

        return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &size) < 0 ? unknown : cred;
}

ssize_t receive_from_peer(int fd, void *buf, size_t size, struct ucred *ret_sender) {
        union {
                struct cmsghdr align;
                char buf[CMSG_SPACE(sizeof(struct ucred))];
        } control;
        struct iovec iov = { .iov_base = buf, .iov_len = size };
        struct msghdr mh = {
                .msg_iov = &iov,
                .msg_iovlen = 1,
                .msg_control = &control,
                .msg_controllen = sizeof(control),
        };
        ssize_t n = recvmsg(fd, &mh, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

        if (n < 0)
                return errno == EINTR ? -EAGAIN : -errno;
        *ret_sender = unknown;
        for (struct cmsghdr *c = CMSG_FIRSTHDR(&mh); c; c = CMSG_NXTHDR(&mh, c))
                if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_CREDENTIALS)
                        memcpy(ret_sender, CMSG_DATA(c), sizeof(*ret_sender));
        return n;
}
