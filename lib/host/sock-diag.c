/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sock-diag.c - sends one request to the kernel and walks the sockets in its answer. */

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "basic/cleanup.h"

#include "host/sock-diag.h"

#define DIAG_CGROUP_ID 21 /* INET_DIAG_CGROUP_ID of <linux/inet_diag.h> since 5.8 */

#define BUFFER_SIZE 32768 /* the most that the kernel puts into one part of an answer */

/* Each request would make a kernel without it search for a module, so it is asked only once. */
static bool missing[IPPROTO_MAX];

static int request(int fd, int family, int protocol, unsigned states) {
        const struct {
                struct nlmsghdr header;
                struct inet_diag_req_v2 body;
        } q = {
                .header = { .nlmsg_len = sizeof(q),
                            .nlmsg_type = SOCK_DIAG_BY_FAMILY,
                            .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP },
                .body = { .sdiag_family = (uint8_t) family,
                          .sdiag_protocol = (uint8_t) protocol,
                          .idiag_states = states },
        };

        return send(fd, &q, sizeof(q), 0) < 0 ? -errno : 0;
}

static int answer_error(int error) {
        return error == -ENOENT || error == -EINVAL || error == -EOPNOTSUPP ? -ENOPROTOOPT : error;
}

/* The end of an answer. 0, or the error by which the request failed, at once or on the way. */
static int end(const struct nlmsghdr *h) {
        const struct nlmsgerr *e = NLMSG_DATA(h); /* NLMSG_DONE has its error at the same place */

        return h->nlmsg_len < NLMSG_LENGTH(sizeof(e->error)) ? 0 : answer_error(e->error);
}

static uint64_t cgroup_of(const struct nlmsghdr *h) {
        const size_t head = NLMSG_LENGTH(NLMSG_ALIGN(sizeof(struct inet_diag_msg)));
        struct rtattr *a = (struct rtattr *) ((char *) h + head);
        int left = h->nlmsg_len > head ? (int) (h->nlmsg_len - head) : 0;
        uint64_t id = 0;

        for (; RTA_OK(a, left); a = RTA_NEXT(a, left))
                if (a->rta_type == DIAG_CGROUP_ID && RTA_PAYLOAD(a) == sizeof(id))
                        memcpy(&id, RTA_DATA(a), sizeof(id));
        return id;
}

/* Handles one part of an answer: 1 = there is more, 0 = it was the last one. */
static int handle(const struct nlmsghdr *h, size_t n, SockDiagFn fn, void *userdata) {
        for (; NLMSG_OK(h, n); h = NLMSG_NEXT(h, n)) {
                int r;

                if (h->nlmsg_type == NLMSG_DONE || h->nlmsg_type == NLMSG_ERROR)
                        return end(h);
                if (h->nlmsg_type != SOCK_DIAG_BY_FAMILY ||
                    h->nlmsg_len < NLMSG_LENGTH(sizeof(struct inet_diag_msg)))
                        return -EPROTO;
                r = fn(NLMSG_DATA(h), cgroup_of(h), userdata);
                if (r < 0)
                        return r;
        }
        return 1;
}

static ssize_t receive(int fd, void *buffer, size_t size) {
        ssize_t n;

        do
                n = recv(fd, buffer, size, 0);
        while (n < 0 && errno == EINTR);
        return n < 0 ? -errno : n == 0 ? -EPROTO : n;
}

static int ask(int family, int protocol, unsigned states, SockDiagFn fn, void *userdata) {
        _cleanup_close_ int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
        union {
                struct nlmsghdr header;
                char bytes[BUFFER_SIZE];
        } b;
        int r;

        if (fd < 0)
                return errno == EPROTONOSUPPORT || errno == EAFNOSUPPORT ? -ENOPROTOOPT : -errno;
        r = request(fd, family, protocol, states);
        if (r < 0)
                return r;
        do {
                ssize_t n = receive(fd, &b, sizeof(b));

                r = n < 0 ? (int) n : handle(&b.header, (size_t) n, fn, userdata);
        } while (r > 0);
        return r;
}

int sock_diag_foreach(int family, int protocol, unsigned states, SockDiagFn fn, void *userdata) {
        int r;

        assert(protocol < IPPROTO_MAX);
        if (missing[protocol])
                return -ENOPROTOOPT;
        r = ask(family, protocol, states, fn, userdata);
        missing[protocol] = r == -ENOPROTOOPT;
        return r;
}
