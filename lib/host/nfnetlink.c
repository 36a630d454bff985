/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nfnetlink.c - talks to netfilter in the kernel. */

#include <arpa/inet.h>
#include <sys/socket.h>

#include "host/nfnetlink.h"

/* After glibc's headers: only in this order are the two compatible. */
#include <linux/netfilter/nfnetlink.h>

int nf_socket_open(NfSocket *s, int room, NfMessageFn fn, void *userdata) {
        struct sockaddr_nl self = { .nl_family = AF_NETLINK };
        socklen_t size = sizeof(self);
        _cleanup_close_ int fd = -EBADF;
        const int yes = 1;

        fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_NETFILTER);
        if (fd < 0)
                return errno == EPROTONOSUPPORT || errno == EAFNOSUPPORT ? -EOPNOTSUPP : -errno;
        if (bind(fd, (struct sockaddr *) &self, sizeof(self)) < 0 ||
            getsockname(fd, (struct sockaddr *) &self, &size) < 0)
                return -errno;
        if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)) < 0)
                (void) setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
        /* What does not fit the kernel drops, and counts. */
        (void) setsockopt(fd, SOL_NETLINK, NETLINK_NO_ENOBUFS, &yes, sizeof(yes));
        *s = (NfSocket){ .fn = fn, .userdata = userdata, .fd = TAKE_FD(fd), .port = self.nl_pid };
        return 0;
}

int nf_socket_adopt(NfSocket *s, int fd, NfMessageFn fn, void *userdata) {
        struct sockaddr_nl self = {};
        socklen_t size = sizeof(self);

        if (getsockname(fd, (struct sockaddr *) &self, &size) < 0)
                return -errno;
        if (self.nl_family != AF_NETLINK)
                return -EPROTOTYPE;
        *s = (NfSocket){ .fn = fn, .userdata = userdata, .fd = fd, .port = self.nl_pid };
        return 0;
}

struct nlmsghdr *nf_begin(char buffer[static NF_REQUEST_SIZE], uint8_t subsystem, uint8_t type,
                          uint16_t number) {
        struct nlmsghdr *h = mnl_nlmsg_put_header(buffer);
        struct nfgenmsg *about = mnl_nlmsg_put_extra_header(h, sizeof(*about));

        h->nlmsg_type = (uint16_t) (subsystem << 8 | type);
        h->nlmsg_flags = NLM_F_REQUEST;
        *about = (struct nfgenmsg){ .nfgen_family = AF_UNSPEC,
                                    .version = NFNETLINK_V0,
                                    .res_id = htons(number) };
        return h;
}

/* One datagram: 1, and *ret_error is the answer to a request if there was one. */
static int hear(NfSocket *s, int *ret_error) {
        union {
                struct nlmsghdr header;
                char bytes[NF_MESSAGES_SIZE];
        } buffer;
        const struct nlmsghdr *h = &buffer.header;
        ssize_t received;
        int n;

        do
                received = recv(s->fd, &buffer, sizeof(buffer), MSG_DONTWAIT);
        while (received < 0 && errno == EINTR);
        if (received < 0)
                return -errno;
        for (n = (int) received; mnl_nlmsg_ok(h, n); h = mnl_nlmsg_next(h, &n)) {
                const struct nlmsgerr *e = mnl_nlmsg_get_payload(h);

                if (h->nlmsg_type == NLMSG_ERROR && h->nlmsg_seq == s->sequence)
                        *ret_error = e->error;
                else if (h->nlmsg_type >= NLMSG_MIN_TYPE)
                        s->fn(h, s->userdata);
        }
        return 1;
}

int nf_say(const NfSocket *s, const struct nlmsghdr *h) {
        return send(s->fd, h, h->nlmsg_len, MSG_DONTWAIT) < 0 ? -errno : 0;
}

int nf_request(NfSocket *s, struct nlmsghdr *h) {
        int error = 1, r;

        h->nlmsg_flags |= NLM_F_ACK;
        h->nlmsg_seq = ++s->sequence;
        r = nf_say(s, h);
        while (r >= 0 && error > 0)
                r = hear(s, &error);
        return r < 0 ? r : error;
}

int nf_read(NfSocket *s, unsigned max) {
        int answer, r = 1;

        while (r > 0 && max-- > 0)
                r = hear(s, &answer);
        return r == -EAGAIN ? 0 : r;
}
