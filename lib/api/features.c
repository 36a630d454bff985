/* SPDX-License-Identifier: GPL-2.0-or-later */
/* features.c - a line of --version. */

#include "api/features.h"
#include "basic/string-util.h"

static const char *const states[] = {
        [FEATURE_OFF] = "not compiled in",
        [FEATURE_BUILT] = "compiled in",
        [FEATURE_FOUND] = "found",
        [FEATURE_MISSING] = "missing",
};
static_assert(ARRAY_SIZE(states) == FEATURE_STATE_MAX, "a text for each state");

char *feature_line(const char *name, FeatureState state, const char *what) {
        return strfmt("%-17s %s%s%s", name, states[state], isempty(what) ? "" : ": ", what ?: "");
}
