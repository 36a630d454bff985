/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The last first packets of TCP connections that a firewall rule has logged to a netfilter group
 * (NFLOG). The host's kernel collects them, and wakes nobody for a packet, but once for a hundred
 * of them. Nothing here waits. */

#include "host/nfqueue.h"

enum {
        SYN_SIZE_MAX = 128, /* bytes of one, with all its headers */
        SYN_KEPT = 128, /* of those that the kernel has handed over; up to 100 more it has not */
};

typedef struct SynRecord SynRecord;

/* -EOPNOTSUPP: this kernel, or this container, has no such groups. */
int syn_record_new(SynRecord **ret);
SynRecord *syn_record_free(SynRecord *r);
DEFINE_CLEANUP(SynRecord *, syn_record_free)

/* Records what is logged to that group, until it is stopped. -EBUSY: another program does;
 * -EOPNOTSUPP as above. What is recorded stays until it is taken. */
int syn_record_start(SynRecord *r, uint16_t group);
void syn_record_stop(SynRecord *r);

/* When it is readable syn_record_read() is due. */
int syn_record_fd(const SynRecord *r);
void syn_record_read(SynRecord *r);

/* Calls fn for each of them, the oldest first, with its bytes from its IP header on, and forgets
 * them. */
typedef void (*SynRecordFn)(const NfPacket *packet, const void *data, size_t size, void *userdata);
void syn_record_take(SynRecord *r, SynRecordFn fn, void *userdata);
