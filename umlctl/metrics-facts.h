/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What is known of guests beside their properties: figures that umld counts, and what the host's
 * kernel and the crash reports say. */

#include "umlctl/snapshot.h"

/* Added by umlctl to the properties of a guest, as far as they can be read. Sent and received: as
 * the guest sees it. */
#define FACT_SENT_BYTES       "FactSentBytes"
#define FACT_SENT_PACKETS     "FactSentPackets"
#define FACT_SENT_DROPS       "FactSentDrops"
#define FACT_RECEIVED_BYTES   "FactReceivedBytes"
#define FACT_RECEIVED_PACKETS "FactReceivedPackets"
#define FACT_RECEIVED_DROPS   "FactReceivedDrops"
#define FACT_UMLD_LOST        "FactUmldLost"     /* true: it was killed, or does not answer */
#define FACT_CRASH_WHEN       "FactCrashWhen"    /* CLOCK_REALTIME, microseconds */
#define FACT_CRASH_VERDICT    "FactCrashVerdict" /* of the newest report */

/* Adds them to each. An umld that does not know the figures has none. */
int metrics_facts_add(Snapshot *s, size_t n);
