/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hold-port.c - tries ports of the guest from the host, as a probe does. */

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "basic/cleanup.h"
#include "daemon/net/hold-port.h"

/* A service that has not got to a connection yet leaves it in its backlog, and the guest's kernel
 * drops what does not fit there: such clients would wait for a second. A backlog of 8, which has
 * room for one more, is assumed. A try is in the midst of those that are released, so that the
 * service is still at work on the rest when umld hears of it, and releases more. */
enum {
        CREDIT = 8,
        CREDIT_MORE = 4,   /* each time that the service has got to such a try */
        CREDIT_SILENT = 4, /* of a service that does not show how far it has got */
        TRIES_AHEAD = 2,   /* of a port that the guest's kernel is known to answer for */
};

#define PATIENCE       (2 * USEC_PER_SEC)   /* for a page */
#define ANSWERED_AFTER (25 * USEC_PER_MSEC) /* by a kernel that is busy, at the latest */
#define SERVED_AFTER                                                                               \
        (5 * USEC_PER_SEC)        /* at the latest, by a service that is known to show it,         \
                                   */
#define SILENT_AFTER USEC_PER_SEC /* and by one that is not */

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

/* What Probe= wants to see there; NULL: that a connection is accepted. */
static const Probe *page_of(const HoldPort *p) {
        const Config *c = p->all->net->host->config;

        for (size_t i = 0; i < c->n_probes; i++)
                if (c->probes[i].kind == PROBE_HTTP && c->probes[i].port == p->port)
                        return &c->probes[i];
        return NULL;
}

static void give_credit(HoldPort *p, unsigned credit) {
        p->open = true;
        p->credit = credit;
        p->all->opened(p->all->userdata);
}

static void succeed(HoldPort *p) {
        cancel(p);
        give_credit(p, CREDIT);
}

/* Does it take a place in the service's backlog? */
static bool is_connected(const HoldTry *t) {
        struct tcp_info info = {};
        socklen_t size = sizeof(info);

        return getsockopt(t->fd, IPPROTO_TCP, TCP_INFO, &info, &size) < 0 ||
               info.tcpi_state != TCP_SYN_SENT;
}

/* A busy guest may have accepted several before umld has heard of the first. */
static unsigned end_others(const HoldTry *t) {
        unsigned connected = 0;

        FOREACH_ELEMENT (other, t->port->tries) {
                if (!other->port || other == t || !other->io)
                        continue;
                connected += is_connected(other);
                end_try(other);
        }
        return connected;
}

/* The first ones, among which there is a try. */
static void begin_release(HoldPort *p, unsigned room) {
        give_credit(p, MIN(room, (unsigned) CREDIT_MORE));
        if (p->held == 0 || room <= CREDIT_MORE + 1)
                return;
        hold_port_try(p);
        give_credit(p, room - CREDIT_MORE - 1);
}

/* Its kernel has accepted it. The service gets to it when it is through with those before it, and
 * mostly has nothing to do then but close it, too. */
static void become_accepted(HoldTry *t) {
        HoldPort *p = t->port;
        const unsigned others = end_others(t);

        t->ended = now_usec(CLOCK_MONOTONIC);
        if (shutdown(t->fd, SHUT_WR) < 0 || sd_event_source_set_io_events(t->io, EPOLLIN) < 0)
                end_try(t);
        if (!p->open)
                begin_release(p, CREDIT - MIN(others, (unsigned) CREDIT - 1));
        else if (p->silent && p->credit == 0)
                give_credit(p, CREDIT_SILENT);
}

/* Whether it is closed or has sent something: the service has got to it. */
static void become_served(HoldTry *t) {
        HoldPort *p = t->port;

        end_try(t);
        p->answers = true;
        p->silent = false;
        if (!t->behind || p->credit > 0)
                return;
        if (p->held > 0)
                hold_port_try(p);
        give_credit(p, CREDIT_MORE);
}

/* false: it cannot be asked. */
static bool ask(HoldTry *t, const Probe *page) {
        char request[PROBE_REQUEST_MAX];
        const size_t n =
                probe_http_request(page, t->port->all->net->host->config->guest_address, request);

        t->asked = now_usec(CLOCK_MONOTONIC);
        return send(t->fd, request, n, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t) n &&
               sd_event_source_set_io_events(t->io, EPOLLIN) >= 0;
}

/* The server's answer, or a part of it. */
static void hear(HoldTry *t) {
        ssize_t n = recv(t->fd, t->answer + t->size, sizeof(t->answer) - t->size, MSG_DONTWAIT);
        int status;

        if (n < 0 && (errno == EAGAIN || errno == EINTR))
                return;
        t->size += (size_t) MAX(n, 0);
        status = probe_http_status(t->answer, t->size);
        if (status == 0 && n > 0)
                return;
        if (probe_http_good(status))
                succeed(t->port);
        else
                end_try(t);
}

static int on_answer(sd_event_source *s, int fd, uint32_t revents, void *userdata) {
        HoldTry *t = userdata;
        const Probe *page = page_of(t->port);
        socklen_t size = sizeof(int);
        int error = 0;

        if (t->ended > 0) {
                become_served(t);
                return 0;
        }
        if (t->asked > 0) {
                hear(t);
                return 0;
        }
        if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0)
                error = errno;
        if (error != 0) { /* nobody listens there yet */
                t->port->refused |= error == ECONNREFUSED;
                end_try(t);
        } else if (!page)
                become_accepted(t);
        else if (!ask(t, page))
                end_try(t);
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

/* A web server has time for its answer. */
static bool is_asked(const HoldPort *p) {
        const usec_t now = now_usec(CLOCK_MONOTONIC);

        FOREACH_ELEMENT (t, p->tries)
                if (t->io && t->asked > 0 && now < usec_add(t->asked, PATIENCE))
                        return true;
        return false;
}

/* Has its service still to get to the last try that was accepted? */
static bool is_awaited(HoldPort *p) {
        const usec_t now = now_usec(CLOCK_MONOTONIC);

        FOREACH_ELEMENT (t, p->tries) {
                if (!t->io || t->ended == 0 || !t->behind)
                        continue;
                if (now < usec_add(t->ended, p->answers ? SERVED_AFTER : SILENT_AFTER))
                        return !p->silent;
                p->silent = true;
                end_try(t);
        }
        return false;
}

/* Are there enough that its kernel has still to answer? They would take places in the backlog. */
static bool is_tried(const HoldPort *p) {
        const usec_t now = now_usec(CLOCK_MONOTONIC);
        unsigned young = 0;

        FOREACH_ELEMENT (t, p->tries)
                young += t->io && t->asked == 0 && t->ended == 0 &&
                         now < usec_add(t->begun, ANSWERED_AFTER);
        return p->open ? young > 0 : p->refused && young >= TRIES_AHEAD;
}

void hold_port_try(HoldPort *p) {
        HoldTry *t;
        int r;

        if (is_asked(p) || is_awaited(p) || is_tried(p))
                return;
        t = &p->tries[p->next++ % HOLD_TRIES];
        if (t->port)
                end_try(t);
        *t = (HoldTry){
                .port = p, .fd = -EBADF, .begun = now_usec(CLOCK_MONOTONIC), .behind = p->open
        };
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
                p->open = p->refused = false;
                p->credit = 0;
        }
}
