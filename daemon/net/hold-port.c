/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hold-port.c - tries a port of the guest from the host, as a probe does. */

#include <netinet/in.h>
#include <sys/socket.h>

#include "basic/cleanup.h"
#include "daemon/net/hold-port.h"

static void end_try(HoldTry *t) {
        t->io = sd_event_source_disable_unref(t->io);
        t->fd = safe_close(t->fd);
}

void hold_port_cancel(HoldPort *p) {
        FOREACH_ELEMENT (t, p->tries)
                if (t->port) /* it was begun once */
                        end_try(t);
}

static int on_answer(sd_event_source *s, int fd, uint32_t revents, void *userdata) {
        HoldTry *t = userdata;
        HoldPort *p = t->port;
        socklen_t size = sizeof(int);
        int error = 0;

        (void) s;
        (void) revents;
        if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0)
                error = errno;
        end_try(t);
        if (error != 0) /* nobody listens there yet */
                return 0;
        hold_port_cancel(p);
        p->open = true;
        p->opened(p->userdata);
        return 0;
}

static int begin_try(HoldTry *t, sd_event *event, const IpAddress *guest) {
        const HoldPort *p = t->port;
        const struct sockaddr_in four = { .sin_family = AF_INET,
                                          .sin_port = htons(p->port),
                                          .sin_addr = guest->v4 };
        const struct sockaddr_in6 six = { .sin6_family = AF_INET6,
                                          .sin6_port = htons(p->port),
                                          .sin6_addr = guest->v6 };
        bool v6 = p->family == AF_INET6;
        int r;

        t->fd = RET_NERRNO(socket(p->family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
        if (t->fd < 0)
                return t->fd;
        r = RET_NERRNO(connect(t->fd, v6 ? (const void *) &six : (const void *) &four,
                               v6 ? sizeof(six) : sizeof(four)));
        if (r < 0 && r != -EINPROGRESS)
                return r;
        return sd_event_add_io(event, &t->io, t->fd, EPOLLOUT, on_answer, t);
}

void hold_port_try(HoldPort *p, sd_event *event, const IpAddress *guest) {
        HoldTry *t = &p->tries[p->next++ % HOLD_TRIES];
        int r;

        if (t->port)
                end_try(t);
        *t = (HoldTry){ .port = p, .fd = -EBADF };
        r = begin_try(t, event, guest);
        p->unasked = r == -EPERM || r == -EACCES || r == -ENETUNREACH || r == -EHOSTUNREACH;
        if (r < 0)
                end_try(t);
}
