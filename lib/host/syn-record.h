/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* A record of new TCP connections that the host has sent to an interface: their first packets, and
 * which of them were answered. The host's kernel keeps it, by a packet(7) socket with a ring, of
 * which the oldest part is given up for the newest. Nobody is woken for a packet, but once for
 * hundreds of them. */

#include "basic/time-util.h"
#include "host/nfqueue.h"

typedef struct SynRecord SynRecord;

/* Of the interface with that index. -EOPNOTSUPP, -EPERM: this host has no such record. */
int syn_record_new(int index, SynRecord **ret);
SynRecord *syn_record_free(SynRecord *r);
DEFINE_CLEANUP(SynRecord *, syn_record_free)

/* When it becomes readable (EPOLLIN | EPOLLET) syn_record_make_room() is due. */
int syn_record_fd(const SynRecord *r);
int syn_record_make_room(SynRecord *r);

/* Calls fn for each connection that was not answered, in their order: with its last packet, if that
 * is not older than age, and the frame that it came in. Empties the record. */
typedef void (*SynRecordFn)(const NfPacket *packet, const void *frame, size_t size, void *userdata);
int syn_record_take(SynRecord *r, usec_t age, SynRecordFn fn, void *userdata);

/* Sends such a frame to the interface once more, past the firewall, which it has passed. */
int syn_record_send(const SynRecord *r, const void *frame, size_t size);
