/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What the guest's kernel says about itself: asked over the management console every minute,
 * and more often while somebody looks; kept until the next answer, and never waited for. */

#include "conf/config.h"
#include "daemon/boot/process.h"

/* All of it comes from the guest. Empty or 0 = not known. */
typedef struct GuestFacts {
        char congestion_control[32], qdisc[32]; /* names: [a-z0-9_-] */
        char load[48];                          /* "0.12 0.05 0.01", over 1, 5 and 15 minutes */
        uint64_t memory, memory_available;      /* as in the guest's meminfo, bytes */
} GuestFacts;

typedef struct FactsWatch FactsWatch;

/* Can the kernel be expected to answer at the moment? */
typedef bool (*FactsMayAsk)(void *userdata);

/* For a guest that is ready; p is borrowed. */
int facts_watch_new(sd_event *event, GuestProcess *p, FactsMayAsk may_ask, void *userdata,
                    FactsWatch **ret);
FactsWatch *facts_watch_free(FactsWatch *w);
DEFINE_CLEANUP(FactsWatch *, facts_watch_free)

/* The latest ones; w may be NULL. Whoever looks has them asked for again, for the next look. */
const GuestFacts *facts_watch_get(FactsWatch *w);

/* Pure: takes the answer to `command`, one of those that are asked. What is not an answer, such as
 * a message of the kernel that went to the same console, is ignored. */
void facts_take(GuestFacts *f, const char *command, const char *text);
