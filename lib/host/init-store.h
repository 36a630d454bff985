/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What umld leaves with umld-init, so that its own death, or its upgrade, is not the guest's.
 *
 * umld-init is started with the end of a SOCK_SEQPACKET pair (INIT_FD_STORE), over which umld gives
 * it a copy of every descriptor that must stay open, each under a name, and its own state as a file
 * in memory (daemon/base/saved.h). umld-init understands none of it, but for four names below. When
 * the pair is closed umld is dead, or has executed its successor. umld-init then keeps the guest
 * for a while, and the next umld of this guest connects to the socket RUNTIME/NAME/adopt, gets
 * everything back, and that connection takes the place of the pair.
 *
 * A store may be of an older or newer build than the umld that connects to it. So the format of a
 * message does not change: other types are ignored by who does not know them. */

#include <stdint.h>

#include "basic/macro.h"

typedef enum StoreMessageType {
        /* From umld. */
        STORE_PUT = 1, /* keep this descriptor under this name, in place of the one before */
        STORE_DROP,    /* forget the one of this name */
        STORE_TIMES,   /* everything is there. a = how long to wait for the next umld, 0 = end with
                          this one; b = how long the guest may take to shut down; milliseconds */
        STORE_TAKEN,   /* the new umld supervises the guest */
        STORE_END,     /* end the guest at once */

        /* From umld-init, to a new umld. */
        STORE_HAVE, /* a descriptor and its name */
        STORE_ALL,  /* that was all. a = how many umlds have begun to take over, and died, since the
                       last STORE_TAKEN; b = 1: it has begun to shut the guest down */
} StoreMessageType;

enum {
        STORE_NAME_MAX = 32,
        STORE_ITEMS_MAX = 256, /* descriptors: two for each port of Proxy=, and others */
};

typedef struct StoreMessage {
        uint32_t type;
        uint32_t a, b;
        char name[STORE_NAME_MAX];
} StoreMessage;

/* What umld-init itself uses: the guest's console, which it reads while there is no umld; the
 * newest of what it has read, a file in memory (StorePrinted); a client of the management console,
 * for a clean shutdown; and what takes the place of INIT_FD_STATUS. */
#define STORE_TERMINAL "terminal"
#define STORE_OUTPUT   "output"
#define STORE_PRINTED  "printed"
#define STORE_MCONSOLE "mconsole"
#define STORE_STATUS   "status"

/* What the guest printed while there was no umld. */
enum {
        STORE_PRINTED_MAX = 64 * 1024,
};

typedef struct StorePrinted {
        uint64_t total; /* bytes; the one at position i is data[i % STORE_PRINTED_MAX] */
        char data[STORE_PRINTED_MAX];
} StorePrinted;

/* Never wait. fd: passed along, negative = none. -EAGAIN: the other end does not read. */
int store_send(int socket, StoreMessageType type, const char *name, uint32_t a, uint32_t b, int fd);

/* 1 = *ret is a message, with *ret_fd, which the caller closes, or -EBADF; 0 = there is none,
 * -ECONNRESET = the other end is closed. */
int store_receive(int socket, StoreMessage *ret, int *ret_fd);
