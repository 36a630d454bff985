/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* How many connections of the guest the host tracks. There may be hundreds of thousands to look
 * through, so that is done in the event loop, some milliseconds at a time, and not while nobody
 * asks: whoever does gets the last number, and has them counted for the next time. */

#include <systemd/sd-event.h>

#include "conf/config.h"

typedef struct FlowCount FlowCount;

int flow_count_new(sd_event *event, FlowCount **ret);
FlowCount *flow_count_free(FlowCount *c);
DEFINE_CLEANUP(FlowCount *, flow_count_free)

/* -EAGAIN: they have not been counted yet; -EOPNOTSUPP etc.: the host does not show them. config is
 * borrowed for this call only. */
int flow_count_get(FlowCount *c, const Config *config, uint64_t *ret);
