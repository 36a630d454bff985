/* SPDX-License-Identifier: GPL-2.0-or-later */
/* clients.c - the clients that are attached to the console. */

#include <inttypes.h>
#include <stdio.h>
#include <sys/socket.h>

#include "basic/console-text.h"
#include "basic/log.h"
#include "basic/string-util.h"
#include "daemon/console/clients.h"

enum {
        CLIENTS_MAX = 16,
        QUEUE_SIZE = 256 * 1024, /* of a client's socket; the kernel doubles it for its own needs */
        CONTENT_MAX = CONSOLE_PACKET_MAX - 1,
        PACKETS_PER_EVENT = 16,
        ROWS_DEFAULT = 24,
        REPLAY_MAX = 8 * 1024, /* bytes of the most recent output shown on attaching */
};

typedef struct Client {
        ConsoleClients *all;
        int fd; /* < 0: free */
        sd_event_source *source;
        char *who;
        bool writer;
        bool held;        /* its input is pending, in `input` */
        bool lagging;     /* output is being skipped */
        uint64_t skipped; /* bytes skipped */
        size_t n_input;
        char *input; /* CONSOLE_PACKET_MAX bytes */
} Client;

struct ConsoleClients {
        sd_event *event;
        ConsoleClientsListener listener;
        Client clients[CLIENTS_MAX];
};

#define FOREACH_CLIENT(c, all)                                                                     \
        FOREACH_ELEMENT (c, (all)->clients)                                                        \
                if ((c)->fd >= 0)

static void tell_change(const ConsoleClients *cs) {
        if (cs->listener.changed)
                cs->listener.changed(cs->listener.userdata);
}

/* ---- to a client ---- */

static int send_packet(Client *c, ConsolePacketType type, const void *data, size_t size) {
        char kind = (char) type;
        struct iovec iov[] = { { .iov_base = &kind, .iov_len = 1 },
                               { .iov_base = (void *) data, .iov_len = size } };
        struct msghdr mh = { .msg_iov = iov, .msg_iovlen = ARRAY_SIZE(iov) };

        return sendmsg(c->fd, &mh, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? -errno : 0;
}

static void watch(Client *c) {
        uint32_t events = (c->held ? 0 : EPOLLIN) | (c->lagging ? EPOLLOUT : 0);

        (void) sd_event_source_set_io_events(c->source, events);
}

static void send_output(Client *c, const char *data, size_t size) {
        while (size > 0 && !c->lagging) {
                size_t n = MIN(size, (size_t) CONTENT_MAX);
                int r = send_packet(c, CONSOLE_OUTPUT, data, n);

                if (r == -EAGAIN || r == -ENOBUFS || r == -ENOMEM) {
                        c->lagging = true;
                        watch(c);
                        break;
                }
                /* Any other failure means that the client is gone, which its event will report. */
                data += n;
                size -= n;
        }
        c->skipped += size;
}

/* There is space again: report what was skipped, and send the newest of it, so that a prompt is
 * never lost. */
static void catch_up(Client *c) {
        uint64_t skipped = c->skipped;
        size_t size;
        const char *recent = c->all->listener.recent(&size, c->all->listener.userdata);
        const char *newline;
        char text[64];

        if (size > skipped) {
                recent += size - skipped;
                size = skipped;
        }
        newline = size < skipped ? memchr(recent, '\n', size) : NULL;
        if (newline) { /* from the beginning of a line */
                size -= (size_t) (newline + 1 - recent);
                recent = newline + 1;
        }
        snprintf(text, sizeof(text), "%" PRIu64 " bytes skipped", skipped - size);
        if (skipped > size && send_packet(c, CONSOLE_NOTICE, text, strlen(text)) < 0)
                return;
        c->skipped = 0;
        c->lagging = false;
        send_output(c, recent, size);
        watch(c);
}

/* ---- from a client ---- */

static void client_close(Client *c) {
        c->source = sd_event_source_disable_unref(c->source);
        c->fd = safe_close(c->fd);
        free(c->input);
        free(c->who);
        *c = (Client){ .all = c->all, .fd = -EBADF };
}

static void take_size(Client *c, const char *data, size_t size) {
        ConsoleSize s;

        if (size != sizeof(s))
                return;
        memcpy(&s, data, sizeof(s));
        c->all->listener.resized(s, c->all->listener.userdata);
}

/* Passes on what was typed, or keeps it and stops reading from this client. */
static void offer_input(Client *c) {
        c->held = !c->all->listener.input(c->input + 1, c->n_input - 1, c->all->listener.userdata);
        watch(c);
}

/* 1 = one was read, 0 = none is queued, negative = the client is gone. */
static int take_packet(Client *c) {
        ssize_t n = recv(c->fd, c->input, CONSOLE_PACKET_MAX, MSG_DONTWAIT);

        if (n < 0)
                return errno == EAGAIN || errno == EINTR ? 0 : -errno;
        if (n == 0)
                return -EPIPE;
        if (!c->writer)
                return 1;
        c->n_input = (size_t) n;
        if (c->input[0] == CONSOLE_INPUT && n > 1)
                offer_input(c);
        else if (c->input[0] == CONSOLE_SIZE)
                take_size(c, c->input + 1, (size_t) n - 1);
        return 1;
}

static int on_client(sd_event_source *s, int fd, uint32_t revents, void *userdata) {
        Client *c = userdata;
        int r = 1;

        if (c->lagging && (revents & EPOLLOUT))
                catch_up(c);
        for (int i = 0; i < PACKETS_PER_EVENT && r > 0 && !c->held && (revents & EPOLLIN); i++)
                r = take_packet(c);
        if (r < 0 || (revents & (EPOLLHUP | EPOLLERR))) {
                log_info("console: %s detached", c->who);
                client_close(c);
                tell_change(c->all);
        }
        return 0;
}

void console_clients_resume(ConsoleClients *cs) {
        FOREACH_CLIENT(c, cs)
        if (c->held)
                offer_input(c);
}

/* ---- attaching ---- */

/* The beginning of the last rows lines. */
static const char *last_rows(const char *text, size_t size, unsigned rows) {
        const char *p = text + size;

        while (p > text) {
                if (p[-1] == '\n' && p != text + size && rows-- <= 1)
                        break;
                p--;
        }
        return p;
}

/* The most recent output, as plain text: when shown again, incomplete sequences would do damage, as
 * would queries to the terminal whose replies would be typed into the guest. */
static void replay(Client *c, unsigned rows) {
        char text[CONSOLE_TEXT_ROOM(REPLAY_MAX)], lines[2 * sizeof(text)];
        ConsoleText filter = { .utf8 = true };
        size_t size, n, out = 0;
        const char *recent = c->all->listener.recent(&size, c->all->listener.userdata), *from;

        if (size > REPLAY_MAX) {
                recent += size - REPLAY_MAX;
                size = REPLAY_MAX;
        }
        from = last_rows(recent, size, rows > 1 ? rows - 1 : ROWS_DEFAULT - 1);
        n = console_text_put(&filter, from, (size_t) (recent + size - from), text);
        n += console_text_end(&filter, text + n);
        for (size_t i = 0; i < n; i++) {
                if (text[i] == '\n')
                        lines[out++] = '\r';
                lines[out++] = text[i];
        }
        send_output(c, lines, out);
}

const char *console_clients_writer(const ConsoleClients *cs) {
        FOREACH_CLIENT(c, cs)
        if (c->writer)
                return c->who;
        return NULL;
}

static void take_over(ConsoleClients *cs, const char *who) {
        FOREACH_CLIENT(c, cs) {
                _cleanup_free_ char *text = NULL;

                if (!c->writer)
                        continue;
                c->writer = false;
                c->held = false;
                watch(c);
                text = strfmt("%s has taken over the console; you may keep watching", who);
                if (text)
                        (void) send_packet(c, CONSOLE_NOTICE, text, strlen(text));
        }
}

static int make_client(Client *c, const char *who, int fd) {
        int r;

        c->fd = fd;
        c->who = strdup(who);
        c->input = malloc(CONSOLE_PACKET_MAX);
        r = c->who && c->input
                    ? sd_event_add_io(c->all->event, &c->source, c->fd, EPOLLIN, on_client, c)
                    : -ENOMEM;
        if (r >= 0)
                (void) sd_event_source_set_description(c->source, "console-client");
        return r;
}

static int make_pair(int *ret_ours, int *ret_theirs) {
        const int size = QUEUE_SIZE;
        int pair[2];

        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0)
                return -errno;
        (void) setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
        *ret_ours = pair[0];
        *ret_theirs = pair[1];
        return 0;
}

/* Takes the socket. */
static int add_client(ConsoleClients *cs, const char *who, int fd, Client **ret) {
        Client *c = cs->clients;
        int r;

        while (c < cs->clients + CLIENTS_MAX && c->fd >= 0)
                c++;
        if (c == cs->clients + CLIENTS_MAX) {
                safe_close(fd);
                return -EUSERS;
        }
        r = make_client(c, who, fd);
        if (r < 0) {
                client_close(c);
                return r;
        }
        *ret = c;
        return 0;
}

int console_clients_add(ConsoleClients *cs, const char *who, bool read_only, bool force,
                        ConsoleSize size, int *ret_fd) {
        _cleanup_close_ int fd = -EBADF;
        int ours = -EBADF, r;
        Client *c;

        if (!read_only && !force && console_clients_writer(cs))
                return -EBUSY;
        r = make_pair(&ours, &fd);
        if (r >= 0)
                r = add_client(cs, who, ours, &c);
        if (r < 0)
                return r;
        if (!read_only) {
                take_over(cs, who);
                c->writer = true;
                if (size.rows > 0 && size.columns > 0)
                        cs->listener.resized(size, cs->listener.userdata);
        }
        log_info("console: %s attached%s", who, read_only ? " (read-only)" : "");
        replay(c, size.rows);
        tell_change(cs);
        *ret_fd = TAKE_FD(fd);
        return 0;
}

/* ---- from one umld to the next ---- */

void console_clients_save(const ConsoleClients *cs, const SavedText *t, Keeper *k) {
        char key[STORE_NAME_MAX];

        for (size_t i = 0; i < CLIENTS_MAX; i++) {
                const Client *c = &cs->clients[i];

                if (c->fd < 0)
                        continue;
                snprintf(key, sizeof(key), "client%zu", i);
                saved_putf(t, key, "%s %s", c->writer ? "rw" : "ro", c->who);
                keeper_put(k, key, c->fd);
        }
}

void console_clients_adopt(ConsoleClients *cs, Adoption *a) {
        char key[STORE_NAME_MAX];

        for (size_t i = 0; i < CLIENTS_MAX; i++) {
                const char *text;
                Client *c;
                int fd;

                snprintf(key, sizeof(key), "client%zu", i);
                text = saved_get(a->saved, key);
                fd = text && strlen(text) > 3 ? adoption_take(a, key) : -EBADF;
                if (fd >= 0 && add_client(cs, text + 3, fd, &c) >= 0)
                        c->writer = startswith(text, "rw");
        }
}

/* ---- all clients ---- */

void console_clients_output(ConsoleClients *cs, const void *data, size_t size) {
        FOREACH_CLIENT(c, cs)
        send_output(c, data, size);
}

void console_clients_notice(ConsoleClients *cs, const char *text) {
        FOREACH_CLIENT(c, cs)
        (void) send_packet(c, CONSOLE_NOTICE, text, MIN(strlen(text), (size_t) CONTENT_MAX));
}

void console_clients_end(ConsoleClients *cs, const char *why) {
        FOREACH_CLIENT(c, cs) {
                (void) send_packet(c, CONSOLE_END, why, MIN(strlen(why), (size_t) CONTENT_MAX));
                client_close(c);
        }
}

ConsoleClients *console_clients_free(ConsoleClients *cs) {
        if (cs) {
                FOREACH_CLIENT(c, cs)
                client_close(c);
                sd_event_unref(cs->event);
                free(cs);
        }
        return NULL;
}

int console_clients_new(sd_event *event, const ConsoleClientsListener *listener,
                        ConsoleClients **ret) {
        ConsoleClients *cs = calloc(1, sizeof(*cs));

        if (!cs)
                return -ENOMEM;
        cs->event = sd_event_ref(event);
        cs->listener = *listener;
        FOREACH_ELEMENT (c, cs->clients) {
                c->all = cs;
                c->fd = -EBADF;
        }
        *ret = cs;
        return 0;
}
