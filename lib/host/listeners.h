/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The listening sockets of the host, and their owners. */

#include <stdio.h>
#include <sys/types.h>

#include "basic/cleanup.h"
#include "basic/forward.h"

typedef struct Listener {
        unsigned protocol;    /* FORWARD_TCP or FORWARD_UDP */
        ForwardFamily family; /* the addresses that it accepts connections on */
        uint16_t port;
        uid_t uid;       /* of its creator */
        uint64_t inode;  /* unique among all sockets */
        uint64_t cgroup; /* the id of that in which it was created; 0 = not known */
} Listener;

/* Lists all sockets of these protocols that can be reached from elsewhere, not those bound to a
 * loopback address; TCP comes first. For UDP, where a client's socket looks like a server's, only
 * those below the range of ephemeral ports. The caller frees *ret. */
int listeners_read(unsigned protocols, Listener **ret, size_t *ret_n);

/* Parses one of the tables in /proc/net, which are used on kernels without sock_diag; appends. */
int listeners_parse(FILE *table, unsigned protocol, Listener **list, size_t *n);

typedef struct Owner {
        pid_t pid; /* 0 = not found */
        char comm[16];
} Owner;

/* Is a process of that name worth looking at? */
typedef bool (*OwnerWanted)(pid_t pid, const char *comm);

/* Finds a process that holds each of them, among those that are wanted (NULL = all), because
 * reading the descriptors of every process takes long. owners has n elements. Where the descriptors
 * of others are not visible, listener_units() tells. */
int listeners_owners(const Listener *list, size_t n, OwnerWanted wanted, Owner *owners);

/* Finds for those that have no owner yet the service in whose control group the socket was created,
 * or PID 1 if nobody is in that group. Without cgroup2, or before Linux 5.8, it finds none. */
int listener_units(const Listener *list, size_t n, OwnerWanted wanted, Owner *owners);
