/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Does the guest come up, or is it time for the fallback? A pure function of how its boots ended.
 *
 * A boot has failed when it crashed before the guest was ready, or within FALLBACK_BOOT after its
 * start: with Ready=boot a guest is ready before its root is mounted. A kill from outside says
 * nothing about a boot. */

#include "api/guest-state.h"
#include "basic/time-util.h"

#define FALLBACK_BOOT USEC_PER_MINUTE

typedef struct FallbackRule {
        bool present;      /* [Fallback] has something */
        bool other_kernel; /* … another kernel, too */
        unsigned after;
} FallbackRule;

typedef struct FallbackHistory {
        unsigned failed; /* boots in a row */
        bool active;     /* the next start is one of the fallback */
} FallbackHistory;

/* Notes the end of a boot. A kernel that cannot run here (VERDICT_KERNEL) needs no second try.
 * Once in the fallback a guest stays there until it ends by a wish: its own reboot or poweroff, or
 * an order. Returns whether the fallback begins with the next start. */
bool fallback_note_end(FallbackHistory *h, const FallbackRule *rule, Verdict verdict, bool ready,
                       usec_t run_time);
