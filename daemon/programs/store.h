/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* umld-init's store: the descriptors that umld has left with it (host/init-store.h), and what
 * becomes of the guest between the death of its umld and the next one. A guest without umld is an
 * orphan: what it prints is read, so that it need not wait; whoever connects to the store as the
 * next umld gets everything; and if nobody does in time, the guest is shut down. */

#include <poll.h>

#include "basic/time-util.h"
#include "host/init-store.h"

typedef struct StoreItem {
        char name[STORE_NAME_MAX];
        int fd;
        bool old; /* of the umld that preceded the present one */
} StoreItem;

typedef struct Store {
        const char *path; /* where the next umld connects; NULL: there is no store */
        bool namespaced;
        int fd;       /* to umld, -EBADF: the guest is an orphan */
        int listener; /* -EBADF: nobody can connect */
        StoreItem items[STORE_ITEMS_MAX];
        size_t n;
        usec_t patience; /* how long to wait for the next umld; 0 = the guest ends with this one */
        usec_t stop_timeout;
        bool taking;       /* fd is that of an umld that has not taken over yet */
        unsigned attempts; /* of such ones that died */
        usec_t until;      /* of an orphan: when that is over, CLOCK_MONOTONIC; 0 = it never was */
        bool new_status;   /* INIT_FD_STATUS is another socket now; cleared by supervise.c, which
                              watches that from then on */
        bool over;         /* the guest has to end */
        bool hurried;      /* store_hurry() */
        bool alone;        /* it cannot outlive this umld, which has been told so */

        /* orphan.c */
        StorePrinted *printed; /* mapped; NULL: none */
        bool silent[2];        /* the terminal, the output: nothing more will come */
        size_t step;           /* of the shutdown; 0 = not begun */
        usec_t since;          /* when the shutdown began, CLOCK_MONOTONIC */
} Store;

enum {
        STORE_POLL_MAX = 5,
};

/* path NULL: umld gave no socket. */
void store_begin(Store *s, const char *path, bool namespaced);

/* -EBADF: there is none of that name. */
int store_find(const Store *s, const char *name);

/* Puts a descriptor under a name, taking ownership of it. */
void store_put(Store *s, const char *name, int fd);

static inline bool store_is_orphan(const Store *s) {
        return s->path && s->fd < 0;
}

/* What to wait for; returns how many, and *timeout is lowered if necessary (milliseconds, negative:
 * none). */
size_t store_poll(const Store *s, struct pollfd fds[static STORE_POLL_MAX], int *timeout);

/* An orphan is not waited for any longer, and shut down cleanly. false: it is none, or has been
 * told that before: it ends at once. */
bool store_hurry(Store *s);

/* Reads what umld has sent, and gives the store to the next one. */
void store_step(Store *s);

/* orphan.c: sees to an orphan: reads what it prints and, when it has waited for long enough, shuts
 * it down, one step after the other. exited: its kernel has ended, and only that is to be told. */
void orphan_step(Store *s, bool exited);
