/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Keys that are meant for umlctl and not for the guest: "~." at the beginning of a line, or Ctrl-]
 * twice, detaches; "~~" there sends one tilde. */

#include "basic/macro.h"

typedef struct EscapeKeys { /* initialise to {} */
        enum {
                KEYS_LINE_START,
                KEYS_IN_LINE,
                KEYS_TILDE,   /* a tilde at the beginning of a line is held back */
                KEYS_BRACKET, /* a Ctrl-] is held back */
        } state;
        bool bracket_at_start;
} EscapeKeys;

/* Filters typed input; what is for the guest is written to out, which must have room for size + 1
 * bytes. *ret_detach is set if the input ends with a detach sequence; anything after it is dropped.
 */
size_t escape_keys_put(EscapeKeys *k, const char *typed, size_t size, char *out, bool *ret_detach);
