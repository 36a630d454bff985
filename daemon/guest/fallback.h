/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Does the guest come up, or should the fallback be used? A pure function of how its boots ended.
 *
 * A boot has failed if it crashed before the guest was ready, or within FALLBACK_BOOT after its
 * start: with Ready=boot a guest is ready before its root is mounted. A kill from outside says
 * nothing about a boot. */

#include "api/guest-state.h"
#include "basic/time-util.h"

#define FALLBACK_BOOT USEC_PER_MINUTE

typedef struct FallbackRule {
        bool present;      /* [Fallback] has something */
        bool other_kernel; /* [Fallback] has another kernel */
        unsigned after;
} FallbackRule;

typedef struct FallbackHistory {
        unsigned failed; /* consecutive boots */
        bool active;     /* the next start uses the fallback */
} FallbackHistory;

/* Records the end of a boot. A kernel that cannot run here (VERDICT_KERNEL) is not tried twice. The
 * fallback stays active until the guest reboots or powers off by itself, or on request. Returns
 * whether the fallback begins with the next start. */
bool fallback_note_end(FallbackHistory *h, const FallbackRule *rule, Verdict verdict, bool ready,
                       usec_t run_time);
