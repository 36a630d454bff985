/* SPDX-License-Identifier: GPL-2.0-or-later */
/* keeper.c - has umld-init keep descriptors. */

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "basic/cleanup.h"
#include "basic/fd-util.h"
#include "daemon/base/keeper.h"

enum {
        ROOM = 32, /* for so many more descriptors: what most guests need */
};

void keeper_begin(Keeper *k, int socket) {
        keeper_done(k);
        *k = (Keeper){ .socket = socket };
}

void keeper_done(Keeper *k) {
        free(k->kept);
        *k = (Keeper){ .socket = -EBADF };
}

void keeper_list(Keeper *k) {
        k->error = 0;
        for (size_t i = 0; i < k->n; i++)
                k->kept[i].listed = false;
}

static Kept *find(Keeper *k, const char *name) {
        for (size_t i = 0; i < k->n; i++)
                if (streq(k->kept[i].name, name))
                        return &k->kept[i];
        return NULL;
}

/* NULL: there is no room, and it is sent again with the next list. */
static Kept *make(Keeper *k, const char *name) {
        Kept *kept = find(k, name), *more;

        if (kept || k->n == STORE_ITEMS_MAX)
                return kept;
        if (k->n == k->n_room) {
                more = reallocarray(k->kept, k->n_room + ROOM, sizeof(Kept));
                if (!more)
                        return NULL;
                k->kept = more;
                k->n_room += ROOM;
        }
        kept = &k->kept[k->n++];
        snprintf(kept->name, sizeof(kept->name), "%s", name);
        return kept;
}

static void note_error(Keeper *k, int r) {
        if (r < 0 && k->error >= 0)
                k->error = r;
}

static void put(Keeper *k, const char *name, int fd, bool anyhow) {
        struct stat st;
        Kept *kept;
        int r;

        if (fd < 0 || k->socket < 0 || fd_stat(fd, &st) < 0)
                return;
        kept = find(k, name);
        if (!anyhow && kept && kept->fd == fd && kept->device == st.st_dev &&
            kept->inode == st.st_ino) {
                kept->listed = true;
                return;
        }
        r = store_send(k->socket, STORE_PUT, name, 0, 0, fd);
        note_error(k, r);
        kept = r >= 0 ? make(k, name) : NULL;
        if (!kept)
                return;
        kept->fd = fd;
        kept->device = st.st_dev;
        kept->inode = st.st_ino;
        kept->listed = true;
}

void keeper_put(Keeper *k, const char *name, int fd) {
        put(k, name, fd, false);
}

void keeper_replace(Keeper *k, const char *name, int fd) {
        put(k, name, fd, true);
}

int keeper_finish(Keeper *k, usec_t patience, usec_t stop_timeout) {
        for (size_t i = k->n; i-- > 0;)
                if (!k->kept[i].listed) {
                        int r = store_send(k->socket, STORE_DROP, k->kept[i].name, 0, 0, -EBADF);

                        note_error(k, r);
                        if (r >= 0) /* else the next list drops it */
                                k->kept[i] = k->kept[--k->n];
                }
        if (k->error >= 0)
                note_error(k, store_send(k->socket, STORE_TIMES, NULL,
                                         (uint32_t) MIN(patience / USEC_PER_MSEC, UINT32_MAX),
                                         (uint32_t) MIN(stop_timeout / USEC_PER_MSEC, UINT32_MAX),
                                         -EBADF));
        return k->error;
}
