/* SPDX-License-Identifier: GPL-2.0-or-later */
/* port-probe.c - one test connection to a port. */

#include <sys/socket.h>

#include "basic/fd-util.h"
#include "basic/forward.h"
#include "daemon/bus/port-probe.h"
#include "host/egress.h"

#define TCP_LIMIT (2 * USEC_PER_SEC)
#define UDP_LIMIT (500 * USEC_PER_MSEC) /* a refusal arrives at once, and nothing else will */

struct PortProbe {
        sd_event_source *answer, *limit;
        IpAddress address;
        uint16_t port;
        int fd;
        bool datagram;
        int error; /* of connect() itself */
        usec_t began;
        PortProbeDone done;
        void *userdata;
};

PortProbe *port_probe_free(PortProbe *p) {
        if (!p)
                return NULL;
        sd_event_source_disable_unref(p->answer);
        sd_event_source_disable_unref(p->limit);
        safe_close(p->fd);
        free(p);
        return NULL;
}

/* The error by which the host itself stopped it; 0 = it did not, or this cannot be told. */
static int stopped_by_host(const PortProbe *p, int error) {
        if (p->datagram) /* send() has reported it; later errors come from the guest */
                return p->error;
        return error < 0 ? egress_judge(p->fd, error, &p->address, p->port) : 0;
}

static void settle(PortProbe *p, int error) {
        int own = stopped_by_host(p, error);

        p->answer = sd_event_source_disable_unref(p->answer);
        p->limit = sd_event_source_disable_unref(p->limit);
        p->done(own < 0 ? own : error, own < 0, usec_sub(now_usec(CLOCK_MONOTONIC), p->began),
                p->userdata);
}

static int on_answer(sd_event_source *s, int fd, uint32_t revents, void *userdata) {
        socklen_t size = sizeof(int);
        int error = 0;

        if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0)
                error = errno;
        settle(userdata, -error);
        return 0;
}

static int on_limit(sd_event_source *s, uint64_t usec, void *userdata) {
        PortProbe *p = userdata;

        settle(p, p->error < 0 ? p->error : p->datagram ? 0 : -ETIMEDOUT);
        return 0;
}

/* 1 = in progress, 0 = already finished: p->error. */
static int connect_to(PortProbe *p, const IpAddress *address, uint16_t port) {
        const struct sockaddr_in to4 = { .sin_family = AF_INET,
                                         .sin_port = htons(port),
                                         .sin_addr = address->v4 };
        const struct sockaddr_in6 to6 = { .sin6_family = AF_INET6,
                                          .sin6_port = htons(port),
                                          .sin6_addr = address->v6 };
        bool v6 = ip_address_is_v6(address);
        const void *to = v6 ? (const void *) &to6 : &to4;

        p->fd = socket(v6 ? AF_INET6 : AF_INET,
                       (p->datagram ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (p->fd < 0)
                return -errno;
        p->began = now_usec(CLOCK_MONOTONIC);
        if (connect(p->fd, to, v6 ? sizeof(to6) : sizeof(to4)) < 0 && errno != EINPROGRESS)
                p->error = -errno;
        else if (p->datagram && send(p->fd, "", 0, MSG_NOSIGNAL) < 0)
                p->error = -errno;
        return p->error >= 0;
}

int port_probe_new(sd_event *event, unsigned protocol, const IpAddress *address, uint16_t port,
                   PortProbeDone done, void *userdata, PortProbe **ret) {
        _cleanup_(port_probe_freep) PortProbe *p = calloc(1, sizeof(*p));
        int r;

        if (!p)
                return -ENOMEM;
        p->fd = -EBADF;
        p->datagram = protocol == FORWARD_UDP;
        p->address = *address;
        p->port = port;
        p->done = done;
        p->userdata = userdata;
        r = connect_to(p, address, port);
        if (r > 0)
                r = sd_event_add_io(event, &p->answer, p->fd, p->datagram ? EPOLLIN : EPOLLOUT,
                                    on_answer, p);
        if (r >= 0)
                r = sd_event_add_time_relative(event, &p->limit, CLOCK_MONOTONIC,
                                               p->error < 0  ? 0
                                               : p->datagram ? UDP_LIMIT
                                                             : TCP_LIMIT,
                                               1, on_limit, p);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(p);
        return 0;
}
