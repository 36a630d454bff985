/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* umld's end of umld-init's store (host/init-store.h): what is to be kept is listed again whenever
 * it changes, and only the differences are sent. */

#include <sys/types.h>

#include "basic/time-util.h"
#include "host/init-store.h"

typedef struct Kept {
        char name[STORE_NAME_MAX];
        int fd;
        dev_t device;
        ino_t inode;
        bool listed; /* in the list in progress */
} Kept;

typedef struct Keeper {
        int socket; /* borrowed; negative: there is no store */
        Kept *kept;
        size_t n, n_room;
        int error; /* the first one of the list in progress */
} Keeper;

/* Another store, which is empty. */
void keeper_begin(Keeper *k, int socket);
/* Frees what it knows; the store keeps everything. */
void keeper_done(Keeper *k);

/* Begins a list. */
void keeper_list(Keeper *k);
/* Has it keep the descriptor, if it is one. */
void keeper_put(Keeper *k, const char *name, int fd);
/* The same, whatever was put under that name before. */
void keeper_replace(Keeper *k, const char *name, int fd);
/* The list is complete: what is not on it is forgotten. */
int keeper_finish(Keeper *k, usec_t patience, usec_t stop_timeout);
