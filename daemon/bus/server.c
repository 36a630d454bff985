/* SPDX-License-Identifier: GPL-2.0-or-later */
/* server.c - listens, accepts clients, and implements the little that they expect of a broker. */

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "basic/log.h"
#include "basic/peer.h"
#include "basic/time-util.h"
#include "daemon/bus/bounds.h"
#include "daemon/bus/server.h"
#include "host/accounts.h"

enum {
        CLIENTS_MAX = 64, /* so that they cannot use up our descriptors */
        CLIENTS_OF_UID_MAX =
                16, /* of one user other than root, so that there is space for others */
};

/* A client that has not authenticated by then may be closed in favour of another one. */
#define SILENT_MAX (50 * USEC_PER_MSEC)

typedef struct Client {
        BusServer *server;
        sd_bus *bus;
        uid_t uid;
        usec_t since;
        bool asked; /* it has sent a request */
} Client;

struct BusServer {
        sd_event *event;
        sd_event_source *source, *pause;
        int fd;
        const char *object_path, *interface;
        const sd_bus_vtable *vtable;
        void *userdata;
        Client clients[CLIENTS_MAX];
        bool crowded; /* it has been logged that there are too many */
};

/* ---- requests to a broker: with --address, busctl talks to us as if we were one ---- */

static int method_hello(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        return sd_bus_reply_method_return(m, "s", ":1.1");
}

static int method_nothing(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        return sd_bus_reply_method_return(m, NULL);
}

static int method_get_name_owner(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        return sd_bus_reply_method_return(m, "s", ":1.0");
}

static const sd_bus_vtable broker_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD("Hello", NULL, "s", method_hello, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("AddMatch", "s", NULL, method_nothing, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("RemoveMatch", "s", NULL, method_nothing, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("GetNameOwner", "s", "s", method_get_name_owner, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_VTABLE_END,
};

/* ---- clients ---- */

static void client_done(Client *c) {
        c->bus = sd_bus_close_unref(c->bus);
        c->server = NULL;
}

/* libsystemd aborts when it frees a connection to which not all objects could be added, for lack of
 * memory. So it is only closed, and its few kilobytes are leaked. */
static void client_abandon(Client *c) {
        if (c->bus)
                sd_bus_close(c->bus);
        c->bus = NULL;
}

static int on_disconnected(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        client_done(userdata);
        return 0;
}

/* Sees each request before its method does. */
static int on_request(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        Client *c = userdata;

        c->asked = true;
        if (!bus_is_clogged(c->bus))
                return 0;
        client_done(c);
        return 1;
}

static int client_start(BusServer *s, Client *c, int fd) {
        sd_id128_t id;
        int r;

        if ((r = sd_bus_new(&c->bus)) < 0) {
                safe_close(fd);
                return r;
        }
        c->server = s;
        if ((r = sd_bus_set_fd(c->bus, fd, fd)) < 0) {
                safe_close(fd);
                return r;
        }
        if ((r = sd_id128_randomize(&id)) < 0 || (r = sd_bus_set_server(c->bus, true, id)) < 0 ||
            (r = sd_bus_negotiate_creds(c->bus, true, SD_BUS_CREDS_PID | SD_BUS_CREDS_EUID)) < 0 ||
            (r = sd_bus_attach_event(c->bus, s->event, 0)) < 0 ||
            (r = sd_bus_add_object_vtable(c->bus, NULL, s->object_path, s->interface, s->vtable,
                                          s->userdata)) < 0 ||
            (r = sd_bus_add_object_vtable(c->bus, NULL, "/org/freedesktop/DBus",
                                          "org.freedesktop.DBus", broker_vtable, NULL)) < 0 ||
            (r = sd_bus_match_signal_async(
                     c->bus, NULL, "org.freedesktop.DBus.Local", "/org/freedesktop/DBus/Local",
                     "org.freedesktop.DBus.Local", "Disconnected", on_disconnected, NULL, c)) < 0 ||
            (r = sd_bus_add_filter(c->bus, NULL, on_request, c)) < 0 ||
            (r = sd_bus_start(c->bus)) < 0 || (r = bus_bound(c->bus)) < 0)
                return r;
        return 0;
}

static int on_pause_over(sd_event_source *source, uint64_t usec, void *userdata) {
        BusServer *s = userdata;

        return sd_event_source_set_enabled(s->source, SD_EVENT_ON);
}

/* A connection that could not be accepted stays queued, and would wake us up again at once. */
static void pause_accepting(BusServer *s, usec_t delay) {
        s->pause = sd_event_source_disable_unref(s->pause);
        if (sd_event_add_time_relative(s->event, &s->pause, CLOCK_MONOTONIC, delay, 1,
                                       on_pause_over, s) >= 0)
                (void) sd_event_source_set_enabled(s->source, SD_EVENT_OFF);
}

/* Has it had enough time to authenticate, and not done so? */
static bool is_silent(const Client *c) {
        return sd_bus_is_ready(c->bus) <= 0 &&
               usec_sub(now_usec(CLOCK_MONOTONIC), c->since) > SILENT_MAX;
}

static bool is_others(const Client *c) {
        return c->uid != 0;
}

static Client *oldest(BusServer *s, bool (*which)(const Client *c)) {
        Client *found = NULL;

        FOREACH_ELEMENT (c, s->clients)
                if (which(c) && (!found || c->since < found->since))
                        found = c;
        return found;
}

static Client *find_free(BusServer *s) {
        FOREACH_ELEMENT (c, s->clients)
                if (!c->bus)
                        return c;
        return NULL;
}

static size_t count_clients(const BusServer *s) {
        size_t n = 0;

        FOREACH_ELEMENT (c, s->clients)
                n += c->bus != NULL;
        return n;
}

static size_t count_of(const BusServer *s, uid_t uid) {
        size_t n = 0;

        FOREACH_ELEMENT (c, s->clients)
                n += c->bus && c->uid == uid;
        return n;
}

static bool any_unknown(const BusServer *s) {
        FOREACH_ELEMENT (c, s->clients)
                if (sd_bus_is_ready(c->bus) <= 0)
                        return true;
        return false;
}

/* All slots are used: makes space by closing the oldest client that has not authenticated, and for
 * root that of anybody else. Returns false if one may go or authenticate soon: the next client
 * waits for that. */
static bool make_room(BusServer *s) {
        Client *c = oldest(s, is_silent);

        if (!s->crowded)
                log_warning("more than %d control connections, closing those that are not "
                            "authenticated",
                            CLIENTS_MAX);
        s->crowded = true;
        if (!c && any_unknown(s))
                return false;
        if (c)
                client_done(c);
        return true;
}

/* The slot for a connection of this user, or NULL: it has too many, or there is none. */
static Client *find_slot(BusServer *s, uid_t uid) {
        if (uid == 0)
                return find_free(s) ?: oldest(s, is_others);
        if (count_of(s, uid) < CLIENTS_OF_UID_MAX)
                return find_free(s);
        if (!s->crowded)
                log_warning("more than %d control connections of uid %u, closing the latest",
                            CLIENTS_OF_UID_MAX, (unsigned) uid);
        s->crowded = true;
        return NULL;
}

static int on_connection(sd_event_source *source, int listen_fd, uint32_t revents, void *userdata) {
        BusServer *s = userdata;
        Client *c;
        uid_t uid;
        int fd, r;

        if (!find_free(s) && !make_room(s)) {
                pause_accepting(s, SILENT_MAX);
                return 0;
        }
        fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd < 0) {
                if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED) {
                        log_warning_errno(errno, "cannot accept a control connection: %m");
                        pause_accepting(s, USEC_PER_SEC);
                }
                return 0;
        }
        uid = peer_of(fd).uid;
        c = find_slot(s, uid);
        if (!c) {
                safe_close(fd);
                return 0;
        }
        client_done(c);
        if (count_clients(s) < CLIENTS_MAX / 2)
                s->crowded = false;
        c->uid = uid;
        c->since = now_usec(CLOCK_MONOTONIC);
        c->asked = false;
        r = client_start(s, c, fd);
        if (r < 0) {
                log_warning_errno(r, "cannot serve a control connection, ignoring: %m");
                if (r == -ENOMEM)
                        client_abandon(c);
                client_done(c);
        }
        return 0;
}

/* ---- life ---- */

/* sd-bus would flush every connection when the event loop ends, and wait for up to 90 seconds for
 * each that has not authenticated, or that does not read. */
void bus_server_end(BusServer *s) {
        (void) sd_event_source_set_enabled(s->source, SD_EVENT_OFF);
        s->pause = sd_event_source_disable_unref(s->pause);
        FOREACH_ELEMENT (c, s->clients)
                if (c->bus)
                        (void) sd_bus_detach_event(c->bus);
}

BusServer *bus_server_free(BusServer *s) {
        if (!s)
                return NULL;
        /* What was sent has arrived, including the last signal, which says how it ended; except for
         * clients that do not read, which must not delay us. */
        FOREACH_ELEMENT (c, s->clients)
                client_done(c);
        sd_event_source_disable_unref(s->source);
        sd_event_source_disable_unref(s->pause);
        safe_close(s->fd);
        sd_event_unref(s->event);
        free(s);
        return NULL;
}

static int listen_at(const char *path) {
        _cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        struct sockaddr_un sa = { .sun_family = AF_UNIX };

        if (fd < 0)
                return -errno;
        if (strlen(path) >= sizeof(sa.sun_path))
                return -ENAMETOOLONG;
        strcpy(sa.sun_path, path);
        (void) unlink(path); /* left by a predecessor: we hold the lock */
        if (bind(fd, (struct sockaddr *) &sa, sizeof(sa)) < 0 || chmod(path, 0660) < 0)
                return -errno;
        if (chown(path, (uid_t) -1, account_readers()) < 0)
                return -errno;
        if (listen(fd, SOMAXCONN) < 0)
                return -errno;
        return TAKE_FD(fd);
}

int bus_server_fd(const BusServer *s) {
        return s->fd;
}

int bus_server_new(sd_event *event, const char *path, int fd, const char *object_path,
                   const char *interface, const sd_bus_vtable *vtable, void *userdata,
                   BusServer **ret) {
        _cleanup_(bus_server_freep) BusServer *s = calloc(1, sizeof(*s));
        _cleanup_close_ int handed = fd;
        int r;

        if (!s)
                return -ENOMEM;
        s->event = sd_event_ref(event);
        s->object_path = object_path;
        s->interface = interface;
        s->vtable = vtable;
        s->userdata = userdata;
        s->fd = handed >= 0 ? TAKE_FD(handed) : listen_at(path);
        if (s->fd < 0)
                return s->fd;
        r = sd_event_add_io(event, &s->source, s->fd, EPOLLIN, on_connection, s);
        if (r < 0)
                return r;
        (void) sd_event_source_set_description(s->source, "control-socket");
        *ret = TAKE_PTR(s);
        return 0;
}

/* A client that takes us for a broker gives up if anything comes before the answer to its Hello. */
void bus_server_emit(BusServer *s, const char *member, const char *a, const char *b,
                     const char *c) {
        FOREACH_ELEMENT (client, s->clients) {
                if (!client->bus || !client->asked || sd_bus_is_ready(client->bus) <= 0)
                        continue;
                if (bus_is_clogged(client->bus))
                        client_done(client);
                else
                        (void) sd_bus_emit_signal(client->bus, s->object_path, s->interface, member,
                                                  "sss", a, b, c);
        }
}
