/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What waits for the guest, in the order in which it came. */

#include "basic/time-util.h"
#include "daemon/net/hold-port.h"
#include "host/nfqueue.h"

enum {
        HELD_MAX = 1024,          /* packets */
        HELD_BYTES_MAX = 4 << 20, /* of all of them */
};

typedef struct Held {
        uint32_t id, size;
        uint64_t flow, client; /* hashes of its ends, and of its source */
        usec_t since;
        int family;
        uint8_t protocol;
        uint16_t port;  /* of the guest */
        bool early;     /* the host has not forwarded it yet: its port is none of the guest's */
        bool passed;    /* nor that: it is about to come again */
        void *recorded; /* it had been sent to the guest before: no packet of the queue; else NULL
                         */
} Held;

typedef struct HeldList {
        Held *list; /* NULL or HELD_MAX of them */
        size_t n, bytes;
} HeldList;

int held_list_new(HeldList *l);
void held_list_done(HeldList *l);

bool held_list_full(const HeldList *l, size_t size);
/* Is a packet between the same ends among them? */
bool held_list_has(const HeldList *l, uint64_t flow);
/* The list is not full. Takes ownership of recorded. */
void held_list_add(HeldList *l, const NfPacket *p, void *recorded);
/* Is it one of them that is sent once more, to the same hook? It replaces that one, which the
 * kernel may have dropped (umld.conf(5)). *ret_surplus: the one that waits no longer; this one, if
 * it cannot wait. */
bool held_list_renew(HeldList *l, const NfPacket *p, uint32_t *ret_surplus);
/* Has it been let pass while it was early? Then it goes on waiting in the same place. */
bool held_list_take_place(HeldList *l, const NfPacket *p);
/* Those from that one on came before the others. */
void held_list_put_first(HeldList *l, size_t begin);

/* Counts how many of them wait for which port. Ports that have a slot keep it; what is left then
 * goes to the others. */
void held_list_count(HeldList *l, HoldPorts *ports);
