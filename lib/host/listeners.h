/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The host's own sockets that wait to be called, and whose they are. */

#include <stdio.h>
#include <sys/types.h>

#include "basic/cleanup.h"
#include "basic/forward.h"

typedef struct Listener {
        unsigned protocol;    /* FORWARD_TCP or FORWARD_UDP */
        ForwardFamily family; /* by which it can be called */
        uint16_t port;
        uid_t uid;      /* of who made it */
        uint64_t inode; /* tells it from every other socket */
} Listener;

/* All that can be called from elsewhere: not what is bound to a loopback address. Of
 * UDP, where a client's socket looks like a server's, only those below the range from which the
 * kernel takes ports for clients. *ret is the caller's to free(). */
int listeners_read(Listener **ret, size_t *ret_n);

/* One of the tables in /proc/net, as listeners_read() gets them; appends. */
int listeners_parse(FILE *table, unsigned protocol, Listener **list, size_t *n);

typedef struct Owner {
        pid_t pid; /* 0 = not found */
        char comm[16];
} Owner;

/* Finds a process that holds each of them, among those that wanted() picks (NULL = all): reading
 * the descriptors of every process takes long. owners has n elements. */
int listeners_owners(const Listener *list, size_t n, bool (*wanted)(pid_t pid, const char *comm),
                     Owner *owners);
