/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* New connections that were on their way to the guest when it ended: its kernel may have died with
 * them in its queues, unread. Until the guest is known to be dead nothing holds them, and their
 * clients would send again only after a second. So while nothing is held the host's kernel logs
 * them, by a rule before that of the queue. */

#include <systemd/sd-event.h>

#include "daemon/net/net.h"
#include "host/syn-record.h"

typedef struct HoldRecord HoldRecord;

int hold_record_new(sd_event *event, Net *net, HoldRecord **ret);
HoldRecord *hold_record_free(HoldRecord *r);
DEFINE_CLEANUP(HoldRecord *, hold_record_free)

/* Records from now on, or no longer. What is recorded stays. */
void hold_record_follow(HoldRecord *r, bool wanted);

/* Calls fn for those that got no answer, and forgets all. */
void hold_record_take(HoldRecord *r, SynRecordFn fn, void *userdata);
/* Sends one of them, which is changed, to the guest once more. */
void hold_record_send(HoldRecord *r, void *packet, size_t size);

/* Does another program have the log group of that number? */
bool hold_record_taken(uint16_t group);
/* Can the host record them, with the queue that was chosen? If not, that is logged once. */
void hold_record_probe(Net *net);
/* It cannot, for ever; what: what it lacks. */
void hold_record_lacking(Net *net, const char *what, int error);
