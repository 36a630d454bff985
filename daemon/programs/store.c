/* SPDX-License-Identifier: GPL-2.0-or-later */
/* store.c - keeps descriptors for umld, and gives them to the next one. */

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "basic/cleanup.h"
#include "basic/fd-util.h"
#include "basic/peer.h"
#include "daemon/programs/init-layers.h"
#include "daemon/programs/store.h"
#include "host/init-protocol.h"

enum {
        QUEUE_SIZE = 1 << 20,     /* of what an umld that takes over has not read yet */
        MESSAGES_PER_TURN = 4096, /* more than its socket holds: the last ones of an umld that has
                                     ended are read before the next one is met */
};

/* ---- the descriptors ---- */

static StoreItem *find(Store *s, const char *name) {
        for (size_t i = 0; i < s->n; i++)
                if (streq(s->items[i].name, name))
                        return &s->items[i];
        return NULL;
}

int store_find(const Store *s, const char *name) {
        const StoreItem *item = find((Store *) s, name);

        return item ? item->fd : -EBADF;
}

static void drop(Store *s, const char *name) {
        StoreItem *item = find(s, name);

        if (!item)
                return;
        safe_close(item->fd);
        *item = s->items[--s->n];
}

void store_put(Store *s, const char *name, int fd) {
        drop(s, name);
        if (fd < 0 || s->n == STORE_ITEMS_MAX) {
                safe_close(fd);
                return;
        }
        s->items[s->n] = (StoreItem){ .fd = fd };
        snprintf(s->items[s->n].name, sizeof(s->items[s->n].name), "%s", name);
        s->n++;
}

/* ---- life with and without umld ---- */

/* Only root can reach the directory, and only umld's user may connect. */
static int listen_at(const char *path) {
        _cleanup_close_ int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        struct sockaddr_un sa = { .sun_family = AF_UNIX };
        mode_t before;
        int r;

        if (fd < 0)
                return -errno;
        if (strlen(path) >= sizeof(sa.sun_path))
                return -ENAMETOOLONG;
        strcpy(sa.sun_path, path);
        (void) unlink(path);
        before = umask(0177);
        r = RET_NERRNO(bind(fd, (struct sockaddr *) &sa, sizeof(sa)));
        (void) umask(before);
        if (r < 0 || listen(fd, 4) < 0)
                return r < 0 ? r : -errno;
        return TAKE_FD(fd);
}

/* From now on it outlives umld, or does not. */
static void set_times(Store *s, usec_t patience, usec_t stop_timeout) {
        if (patience > 0 && s->listener < 0)
                s->listener = listen_at(s->path);
        if (patience > 0 && s->listener < 0 && !s->alone) {
                s->alone = true;
                init_report(INIT_ALONE, -s->listener, 0, "");
        }
        s->patience = s->listener < 0 ? 0 : patience;
        s->stop_timeout = stop_timeout;
        (void) prctl(PR_SET_PDEATHSIG,
                     s->patience > 0 ? 0
                     : s->namespaced ? SIGKILL
                                     : SIGTERM,
                     0, 0, 0);
}

static void lose_umld(Store *s) {
        s->fd = safe_close(s->fd);
        memset(s->silent, 0, sizeof(s->silent)); /* of descriptors that may be others now */
        s->attempts += s->taking;
        s->taking = false;
        if (s->patience == 0)
                s->over = true;
        if (s->until == 0)
                s->until = usec_add(now_usec(CLOCK_MONOTONIC), s->patience);
}

/* What the new umld has not given to us again, it no longer has. */
static void drop_old(Store *s) {
        for (size_t i = s->n; i-- > 0;)
                if (s->items[i].old && !streq(s->items[i].name, STORE_PRINTED)) {
                        safe_close(s->items[i].fd);
                        s->items[i] = s->items[--s->n];
                }
}

static void be_taken(Store *s) {
        drop_old(s);
        s->taking = false;
        s->attempts = 0;
        s->until = 0;
        s->hurried = false;
        s->step = 0;
        if (s->printed)
                s->printed->total = 0;
}

static void take_status(Store *s, int fd) {
        if (fd < 0)
                return;
        s->new_status = dup2(fd, INIT_FD_STATUS) >= 0;
        safe_close(fd);
}

static void take_message(Store *s, const StoreMessage *m, int fd) {
        switch ((StoreMessageType) m->type) {
        case STORE_PUT:
                if (streq(m->name, STORE_STATUS))
                        take_status(s, fd);
                else
                        store_put(s, m->name, fd);
                return;
        case STORE_DROP:
                drop(s, m->name);
                break;
        case STORE_TIMES:
                set_times(s, m->a * USEC_PER_MSEC, m->b * USEC_PER_MSEC);
                break;
        case STORE_TAKEN:
                be_taken(s);
                break;
        case STORE_END:
                s->over = true;
                break;
        case STORE_HAVE:
        case STORE_ALL:
                break;
        }
        safe_close(fd);
}

static void read_messages(Store *s) {
        StoreMessage m;
        int fd = -EBADF, r = 1;

        for (int i = 0; i < MESSAGES_PER_TURN && (r = store_receive(s->fd, &m, &fd)) > 0; i++)
                take_message(s, &m, fd);
        if (r < 0)
                lose_umld(s);
}

/* ---- the next umld ---- */

static int hand_over(const Store *s, int fd) {
        for (size_t i = 0; i < s->n; i++) {
                int r = store_send(fd, STORE_HAVE, s->items[i].name, 0, 0, s->items[i].fd);

                if (r < 0)
                        return r;
        }
        return store_send(fd, STORE_ALL, NULL, s->attempts, s->step > 0, -EBADF);
}

/* Of umld's user, and not a process of the guest, which alone has a number in our namespace. */
static bool may_be_umld(const Store *s, int fd) {
        struct ucred peer = peer_of(fd);

        return peer.uid == geteuid() && (!s->namespaced || peer.pid == 0);
}

/* One that comes while its predecessor lives is sent away: the guest has its umld. */
static void meet(Store *s) {
        int fd = accept4(s->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        const int size = QUEUE_SIZE;

        if (fd < 0)
                return;
        (void) setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size));
        if (s->fd >= 0 || !may_be_umld(s, fd) || hand_over(s, fd) < 0) {
                safe_close(fd);
                return;
        }
        s->fd = fd;
        s->taking = true;
        for (size_t i = 0; i < s->n; i++)
                s->items[i].old = true;
}

/* ---- the loop's part ---- */

void store_begin(Store *s, const char *path, bool namespaced) {
        *s = (Store){ .path = path,
                      .namespaced = namespaced,
                      .fd = path ? INIT_FD_STORE : -EBADF,
                      .listener = -EBADF };
        if (path)
                (void) fd_nonblock(s->fd, true);
}

size_t store_poll(const Store *s, struct pollfd fds[static STORE_POLL_MAX], int *timeout) {
        static const char *const read[] = { STORE_TERMINAL, STORE_OUTPUT };
        usec_t now, left;
        size_t n = 0;

        if (!s->path)
                return 0;
        fds[n++] = (struct pollfd){ .fd = s->listener, .events = POLLIN };
        if (s->fd >= 0) {
                fds[n++] = (struct pollfd){ .fd = s->fd, .events = POLLIN };
                return n;
        }
        for (size_t i = 0; i < ARRAY_SIZE(read); i++)
                if (!s->silent[i])
                        fds[n++] =
                                (struct pollfd){ .fd = store_find(s, read[i]), .events = POLLIN };
        if (s->step > 0)
                fds[n++] = (struct pollfd){ .fd = store_find(s, STORE_MCONSOLE), .events = POLLIN };
        now = now_usec(CLOCK_MONOTONIC);
        left = s->step > 0 ? USEC_PER_SEC / 10 : usec_sub(s->until, now) + USEC_PER_MSEC;
        if (*timeout < 0 || left / USEC_PER_MSEC < (usec_t) *timeout)
                *timeout = (int) MIN(left / USEC_PER_MSEC, (usec_t) INT32_MAX);
        return n;
}

bool store_hurry(Store *s) {
        if (!store_is_orphan(s) || s->patience == 0 || s->hurried)
                return false;
        s->hurried = true;
        s->until = now_usec(CLOCK_MONOTONIC);
        return true;
}

void store_step(Store *s) {
        if (s->fd >= 0)
                read_messages(s);
        if (s->listener >= 0)
                meet(s);
}
