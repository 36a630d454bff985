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
        bool early; /* it waits before the host has decided where it goes, or whether it is for the
                       host itself */
} NfPacket;

typedef void (*NfQueueFn)(const NfPacket *packet, void *userdata);

/* Bound to no queue yet. -EOPNOTSUPP: this kernel, or this container, has no such queues. */
int nfqueue_new(NfQueueFn fn, void *userdata, NfQueue **ret);
/* One that is bound to that queue, by its socket, of which ownership is taken on success. */
int nfqueue_adopt(int fd, uint16_t number, NfQueueFn fn, void *userdata, NfQueue **ret);
/* The kernel drops what still waits. */
NfQueue *nfqueue_free(NfQueue *q);
DEFINE_CLEANUP(NfQueue *, nfqueue_free)

int nfqueue_fd(const NfQueue *q);

/* From now on packets come, and at most max of them wait at a time. -EBUSY: another program has
 * that queue. */
int nfqueue_bind(NfQueue *q, uint16_t number, unsigned max);

/* Leaves the queue without losing a packet: those that come later pass it. The caller must have
 * given a verdict on all packets that fn was called for. fn may be called for others meanwhile, and
 * has to give its verdict at once. *ret_lost: how many the kernel has dropped because too many
 * waited. */
int nfqueue_unbind(NfQueue *q, uint64_t *ret_lost);

/* Calls fn for the packets that have come, at most max; 0 = that was all, 1 = there may be more. */
int nfqueue_read(NfQueue *q, unsigned max);

int nfqueue_verdict(NfQueue *q, uint32_t id, bool accept);

/* Has another program than this socket bound that queue? If that cannot be seen: no. */
bool nfqueue_taken(const NfQueue *q, uint16_t number);

/* Calls fn for each queue that a program is bound to, as far as that can be seen. */
void nfqueue_list(void (*fn)(uint16_t number, void *userdata), void *userdata);

/* Reads the headers of a packet, of which the first n bytes are given. */
void nfqueue_parse(const void *data, size_t n, NfPacket *ret);

/* A hash of the packet's ends, by which a repetition of it is known. */
uint64_t nf_packet_flow(const NfPacket *p);
/* The same of its source alone, which is the same after it was forwarded. */
uint64_t nf_packet_client(const NfPacket *p);
