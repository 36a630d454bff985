/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fallback.c - counts boots that failed. */

#include "daemon/guest/fallback.h"

typedef enum EndKind {
        END_NEUTRAL, /* says nothing about the boot */
        END_WISHED,
        END_CRASH,
        END_KERNEL, /* this kernel will never boot */
} EndKind;

static const EndKind kinds[] = {
        [VERDICT_NONE] = END_NEUTRAL,  [VERDICT_POWEROFF] = END_WISHED,
        [VERDICT_REBOOT] = END_WISHED, [VERDICT_STOPPED] = END_WISHED,
        [VERDICT_PANIC] = END_CRASH,   [VERDICT_KILLED] = END_NEUTRAL,
        [VERDICT_HUNG] = END_CRASH,    [VERDICT_MEMORY] = END_CRASH,
        [VERDICT_DISK] = END_CRASH,    [VERDICT_NETWORK] = END_NEUTRAL,
        [VERDICT_KERNEL] = END_KERNEL, [VERDICT_USAGE] = END_NEUTRAL,
        [VERDICT_EXIT] = END_CRASH,
};
static_assert(ARRAY_SIZE(kinds) == VERDICT_MAX, "a kind for every verdict");

bool fallback_note_end(FallbackHistory *h, const FallbackRule *rule, Verdict verdict, bool ready,
                       usec_t run_time) {
        bool was_active = h->active;

        assert(verdict >= 0 && verdict < VERDICT_MAX);
        switch (kinds[verdict]) {
        case END_NEUTRAL:
                break;
        case END_WISHED:
                *h = (FallbackHistory){};
                break;
        case END_CRASH:
                h->failed = ready && run_time >= FALLBACK_BOOT ? 0 : MIN(h->failed, 1000U) + 1;
                h->active |= rule->present && h->failed >= rule->after;
                break;
        case END_KERNEL:
                h->failed = MIN(h->failed, 1000U) + 1;
                h->active |= rule->other_kernel;
                break;
        }
        return h->active && !was_active;
}
