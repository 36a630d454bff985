/* SPDX-License-Identifier: GPL-2.0-or-later */
/* adoption.c - finds an orphaned guest, and gets from its umld-init what is left of its umld. */

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "basic/as-owner.h"
#include "basic/peer.h"
#include "basic/process.h"
#include "daemon/base/adoption.h"
#include "daemon/base/handover.h"

#define ANSWER_MAX (10 * USEC_PER_SEC) /* of a machine that is busy or swaps */
#define END_MAX    (5 * USEC_PER_SEC)
#define END_GENTLY (2 * USEC_PER_SEC)

Adoption *adoption_free(Adoption *a) {
        if (!a)
                return NULL;
        for (size_t i = 0; i < a->n; i++)
                safe_close(a->items[i].fd);
        safe_close(a->socket);
        saved_free(a->saved);
        free(a);
        return NULL;
}

int adoption_take(Adoption *a, const char *name) {
        for (size_t i = 0; i < a->n; i++)
                if (streq(a->items[i].name, name))
                        return TAKE_FD(a->items[i].fd);
        return -EBADF;
}

int adoption_takef(Adoption *a, const char *format, ...) {
        _cleanup_free_ char *name = NULL;
        va_list ap;

        va_start(ap, format);
        name = strfmtv(format, ap);
        va_end(ap);
        return name ? adoption_take(a, name) : -EBADF;
}

/* ---- the connection ---- */

static int connect_to(const char *directory) {
        _cleanup_close_ int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        struct sockaddr_un sa = { .sun_family = AF_UNIX };
        int n = snprintf(sa.sun_path, sizeof(sa.sun_path), "%s/adopt", directory);

        if (fd < 0)
                return -errno;
        if (n >= (int) sizeof(sa.sun_path))
                return -ENAMETOOLONG;
        return connect(fd, (struct sockaddr *) &sa, sizeof(sa)) < 0 ? -errno : TAKE_FD(fd);
}

static void take_item(Adoption *a, const StoreMessage *m, int fd) {
        if (fd < 0 || a->n == STORE_ITEMS_MAX) {
                safe_close(fd);
                return;
        }
        snprintf(a->items[a->n].name, sizeof(a->items[a->n].name), "%s", m->name);
        a->items[a->n++].fd = fd;
}

/* 1 = everything is there, 0 = nothing more is queued. */
static int read_items(Adoption *a) {
        StoreMessage m;
        int fd, r;

        while ((r = store_receive(a->socket, &m, &fd)) > 0) {
                if (m.type == STORE_HAVE || m.type == STORE_PUT) {
                        take_item(a, &m, fd);
                        continue;
                }
                safe_close(fd);
                if (m.type != STORE_ALL)
                        continue;
                a->attempts = m.a;
                a->ending = m.b != 0;
                return 1;
        }
        return r;
}

static int wait_for_items(Adoption *a) {
        usec_t until = usec_add(now_usec(CLOCK_MONOTONIC), ANSWER_MAX);
        int r;

        while ((r = read_items(a)) == 0) {
                struct pollfd p = { .fd = a->socket, .events = POLLIN };
                usec_t left = usec_sub(until, now_usec(CLOCK_MONOTONIC));

                if (left == 0)
                        return -ETIMEDOUT;
                (void) poll(&p, 1, (int) (left / USEC_PER_MSEC) + 1);
        }
        return r == -ECONNRESET ? -EBUSY : r; /* that is how umld-init sends somebody away */
}

/* ---- is it ours? ---- */

static int read_state(Adoption *a, char **ret_why) {
        _cleanup_close_ int fd = adoption_take(a, "state");
        int r = fd < 0 ? -ENODATA : saved_read(fd, &a->saved);

        if (r == -EPROTONOSUPPORT)
                *ret_why = strfmt("it was started by a newer umld, whose state this one cannot "
                                  "read");
        else if (r < 0)
                *ret_why =
                        strfmt("the state that its umld has left cannot be read: %s", strerror(-r));
        return r;
}

static int verify(const Adoption *a, const char *name, char **ret_why) {
        const char *whose = saved_get(a->saved, "name") ?: "";

        if (a->start != 0 && saved_number(a->saved, "init.pid", 0) == (uint64_t) a->init &&
            saved_number(a->saved, "init.start", 0) == a->start && streq(whose, name))
                return 0;
        *ret_why = strfmt("umld-init, pid %d, is not provably the guest's own", (int) a->init);
        return -EPERM;
}

int adoption_find(const char *name, const char *directory, Adoption **ret, char **ret_why) {
        _cleanup_(adoption_freep) Adoption *a = calloc(1, sizeof(*a));
        struct ucred peer;
        int r;

        if (!a)
                return -ENOMEM;
        a->socket = r = connect_to(directory);
        if (r < 0) /* nobody listens there */
                return 0;
        peer = peer_of(a->socket);
        if (peer.uid != geteuid() || peer.pid <= 0)
                return 0;
        a->init = peer.pid;
        (void) process_start_time(a->init, &a->start);
        r = wait_for_items(a);
        if (r == -EBUSY)
                return r;
        if (r == -ETIMEDOUT)
                *ret_why = strfmt("umld-init, pid %d, does not answer", (int) a->init);
        if (r >= 0)
                r = read_state(a, ret_why);
        if (r >= 0)
                r = verify(a, name, ret_why);
        *ret = TAKE_PTR(a);
        return r < 0 ? r : 1;
}

/* ---- what was handed over ---- */

static int check_handed(Adoption *a, const char *name) {
        _cleanup_free_ char *why = NULL;
        int r = read_state(a, &why);

        if (r == -ENODATA) /* its umld-init has it */
                return 0;
        return r < 0 || streq(saved_get(a->saved, "name") ?: "", name) ? r : -EPERM;
}

int adoption_handed(const char *name, Adoption **ret) {
        _cleanup_(adoption_freep) Adoption *a = calloc(1, sizeof(*a));
        int r;

        if (!a)
                return -ENOMEM;
        a->socket = handover_take();
        if (a->socket < 0)
                return 0;
        r = read_items(a);
        a->socket = safe_close(a->socket);
        if (r == 0)
                r = -EBADMSG;
        if (r > 0)
                r = check_handed(a, name);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(a);
        return 1;
}

void adoption_join(Adoption *a, Adoption *handed) {
        for (size_t i = 0; handed && i < handed->n && a->n < STORE_ITEMS_MAX; i++)
                if (handed->items[i].fd >= 0) {
                        a->items[a->n++] = handed->items[i];
                        handed->items[i].fd = -EBADF;
                }
}

/* ---- what is not adopted ---- */

static bool is_gone(const Adoption *a) {
        uint64_t start;

        return process_start_time(a->init, &start) < 0 || start != a->start;
}

static bool is_umld_init(pid_t pid) {
        char comm[16];

        return streq(process_comm(pid, comm), "umld-init");
}

int adoption_refuse(Adoption *a) {
        _cleanup_(adoption_freep) Adoption *owned = a;
        usec_t since = now_usec(CLOCK_MONOTONIC), now = since;

        (void) store_send(owned->socket, STORE_END, NULL, 0, 0, -EBADF);
        while (!is_gone(owned) && now < usec_add(since, END_MAX)) {
                if (now > usec_add(since, END_GENTLY) && is_umld_init(owned->init))
                        (void) process_signal(owned->init, SIGKILL);
                (void) poll(NULL, 0, 10);
                now = now_usec(CLOCK_MONOTONIC);
        }
        return is_gone(owned) ? 0 : -ETIMEDOUT;
}
