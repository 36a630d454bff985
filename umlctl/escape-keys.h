/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The keys that are meant for umlctl and not for the guest: "~." at the beginning of a line, or
 * Ctrl-] twice, detaches; "~~" there is one tilde. */

#include "basic/macro.h"

typedef struct EscapeKeys { /* {} at first */
        enum {
                KEYS_LINE_START,
                KEYS_IN_LINE,
                KEYS_TILDE,   /* held back, at the beginning of a line */
                KEYS_BRACKET, /* Ctrl-], held back */
        } state;
        bool bracket_at_start;
} EscapeKeys;

/* Takes what was typed; what of it is for the guest goes to out, which has room for size + 1 bytes.
 * *ret_detach is set where it ends with the wish to detach; the rest is dropped then. */
size_t escape_keys_put(EscapeKeys *k, const char *typed, size_t size, char *out, bool *ret_detach);
