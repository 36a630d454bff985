/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What --version says after the version: which features were compiled in, and which of the parts
 * that are looked for at run time this host has. */

#include "basic/macro.h"

typedef enum FeatureState {
        FEATURE_OFF,     /* not compiled in */
        FEATURE_BUILT,   /* compiled in, needs nothing else; `what` is the version of its library */
        FEATURE_FOUND,   /* `what` is where */
        FEATURE_MISSING, /* `what` is where it was looked for, or what would bring it */
        FEATURE_STATE_MAX,
} FeatureState;

/* Prints "NAME STATE WHAT"; what may be NULL. */
void feature_print(const char *name, FeatureState state, const char *what);
