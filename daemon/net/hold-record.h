/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* New connections that were on their way to the guest when it ended: its kernel may have died with
 * them in its queues, unread. Until the guest is known to be dead nothing holds them, and their
 * clients would send again only after a second. */

#include <systemd/sd-event.h>

#include "daemon/net/net.h"
#include "host/syn-record.h"

typedef struct HoldRecord HoldRecord;

int hold_record_new(sd_event *event, Net *net, HoldRecord **ret);
HoldRecord *hold_record_free(HoldRecord *r);
DEFINE_CLEANUP(HoldRecord *, hold_record_free)

/* Records what is sent to the tap there is now, if connections are to wait for the guest. */
void hold_record_follow(HoldRecord *r);

/* Calls fn for those that got no answer. */
void hold_record_take(HoldRecord *r, SynRecordFn fn, void *userdata);
/* Sends one of them to the guest once more. */
void hold_record_send(const HoldRecord *r, const void *frame, size_t size);
