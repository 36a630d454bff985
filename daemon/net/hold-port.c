/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hold-port.c - tries ports of the guest from the host, as a probe does. */

#include "daemon/net/hold-port.h"
#include <netinet/in.h>
#include <sys/socket.h>

#include "basic/cleanup.h"

enum {
        BATCH_FIRST = 8,
        BATCH_MAX = 64,
};

/* ---- which ---- */

HoldPort *hold_port_find(HoldPorts *all, int family, uint16_t port) {
        FOREACH_ELEMENT (p, all->list)
                if (p->family == family && p->port == port)
                        return p;
        return NULL;
}

static HoldPort *find_place(HoldPorts *all) {
        HoldPort *p = hold_port_find(all, AF_UNSPEC, 0);

        if (p)
                return p;
        FOREACH_ELEMENT (idle, all->list)
                if (idle->held == 0)
                        return idle;
        return NULL;
}

bool hold_ports_full(HoldPorts *all) {
        return !find_place(all);
}

/* ---- tries ---- */

static void end_try(HoldTry *t) {
        t->io = sd_event_source_disable_unref(t->io);
        t->fd = safe_close(t->fd);
}

static void cancel(HoldPort *p) {
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
        cancel(p);
        p->open = true;
        p->batch = p->batch > 0 ? MIN(2 * p->batch, (unsigned) BATCH_MAX) : BATCH_FIRST;
        p->credit = p->batch;
        p->all->opened(p->all->userdata);
        return 0;
}

static int begin_try(HoldTry *t) {
        const HoldPort *p = t->port;
        const Config *c = p->all->net->host->config;
        const struct sockaddr_in four = { .sin_family = AF_INET,
                                          .sin_port = htons(p->port),
                                          .sin_addr = c->guest_address };
        const struct sockaddr_in6 six = { .sin6_family = AF_INET6,
                                          .sin6_port = htons(p->port),
                                          .sin6_addr = c->guest_address6 };
        bool v6 = p->family == AF_INET6;
        int r;

        t->fd = RET_NERRNO(socket(p->family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
        if (t->fd < 0)
                return t->fd;
        r = RET_NERRNO(connect(t->fd, v6 ? (const void *) &six : (const void *) &four,
                               v6 ? sizeof(six) : sizeof(four)));
        if (r < 0 && r != -EINPROGRESS)
                return r;
        return sd_event_add_io(p->all->event, &t->io, t->fd, EPOLLOUT, on_answer, t);
}

void hold_port_try(HoldPort *p) {
        HoldTry *t = &p->tries[p->next++ % HOLD_TRIES];
        int r;

        if (t->port)
                end_try(t);
        *t = (HoldTry){ .port = p, .fd = -EBADF };
        r = begin_try(t);
        p->unasked = r == -EPERM || r == -EACCES || r == -ENETUNREACH || r == -EHOSTUNREACH;
        if (r < 0)
                end_try(t);
}

void hold_ports_try(HoldPorts *all) {
        FOREACH_ELEMENT (p, all->list)
                if (p->held > 0 && p->credit == 0)
                        hold_port_try(p);
}

/* ---- the table ---- */

HoldPort *hold_port_want(HoldPorts *all, int family, uint16_t port) {
        HoldPort *p = hold_port_find(all, family, port);

        if (p)
                return p;
        p = find_place(all);
        if (!p)
                return NULL;
        cancel(p);
        *p = (HoldPort){ .all = all, .family = family, .port = port };
        return p;
}

void hold_ports_forget(HoldPorts *all) {
        FOREACH_ELEMENT (p, all->list) {
                cancel(p);
                p->open = false;
                p->credit = p->batch = 0;
        }
}
