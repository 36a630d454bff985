/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* A netfilter queue, through libnetfilter_queue: packets that a firewall rule sends there stay in
 * the kernel until a verdict. Only their headers are read. Nothing here waits. */

#include "basic/cleanup.h"
#include "basic/ip-address.h"

typedef struct NfQueue NfQueue;

/* A packet that waits for its verdict. */
typedef struct NfPacket {
        uint32_t id;
        uint32_t size;    /* of the whole packet */
        int family;       /* AF_INET, AF_INET6 */
        uint8_t protocol; /* 0 = its headers make no sense */
        IpAddress source, destination;
        uint16_t source_port, destination_port; /* 0 = it has none */
        bool syn;                               /* for TCP: it begins a connection */
} NfPacket;

typedef void (*NfQueueFn)(const NfPacket *packet, void *userdata);

/* Bound to no queue yet. -EOPNOTSUPP: this kernel, or this container, has no such queues. */
int nfqueue_new(NfQueueFn fn, void *userdata, NfQueue **ret);
/* The kernel drops what still waits. */
NfQueue *nfqueue_free(NfQueue *q);
DEFINE_CLEANUP(NfQueue *, nfqueue_free)

int nfqueue_fd(const NfQueue *q);

/* From now on packets come, and at most max of them wait at a time. -EBUSY: another program has
 * that queue. */
int nfqueue_bind(NfQueue *q, uint16_t number, unsigned max);

/* Nobody's packets come any more: what comes passes the queue, and none gets lost on the way. The
 * caller has given its verdict on all that it has heard of; fn may be called for others, and has to
 * give one at once. *ret_lost: how many the kernel has dropped because too many waited. */
int nfqueue_unbind(NfQueue *q, uint64_t *ret_lost);

/* Calls fn for what has come, at most for so many; 0 = that was all, 1 = there may be more. */
int nfqueue_read(NfQueue *q, unsigned max);

int nfqueue_verdict(NfQueue *q, uint32_t id, bool accept);

/* Has another program than this socket bound that queue? If that cannot be seen: no. */
bool nfqueue_taken(const NfQueue *q, uint16_t number);

/* The headers of a packet of n bytes, of which the first are there. */
void nfqueue_parse(const void *data, size_t n, NfPacket *ret);
