/* SPDX-License-Identifier: GPL-2.0-or-later */
/* features.c - a line of --version. */

#include <stdio.h>

#include "api/features.h"

static const char *const states[] = {
        [FEATURE_OFF] = "not compiled in",
        [FEATURE_BUILT] = "compiled in",
        [FEATURE_FOUND] = "found",
        [FEATURE_MISSING] = "missing",
};
static_assert(ARRAY_SIZE(states) == FEATURE_STATE_MAX, "a text for each state");

void feature_print(const char *name, FeatureState state, const char *what) {
        printf("%-17s %s%s%s\n", name, states[state], isempty(what) ? "" : ": ", what ?: "");
}
