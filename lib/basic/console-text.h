/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Makes a guest's console output safe for another terminal. What the guest prints may be meant for
 * its own terminal only (colours, cursor movement), may not be text at all, or may be an attack: a
 * sequence that makes the terminal type something, rename its window or hide a line. So the result
 * is plain text only:
 *   - complete control sequences are removed
 *   - incomplete and overlong ones, and all other control characters, are shown: "^[", "^G"
 *   - what is not UTF-8 is shown as "\xNN"; so is everything beyond ASCII for a terminal without it
 *   - characters that reorder or hide text are shown as "\u202e"
 * Newlines and tabs are kept; carriage returns before a newline are removed. The state has a fixed
 * size; sequences and characters may be split across calls. */

#include "basic/macro.h"

enum {
        CONSOLE_TEXT_PENDING_MAX = 256, /* longest control sequence that is removed */
        CONSOLE_TEXT_GROWTH = 4,        /* maximum output bytes for one input byte */
};

typedef struct ConsoleText {
        bool utf8; /* the output may be UTF-8, else ASCII; set by the caller */
        unsigned state;
        size_t n_pending;
        unsigned char pending[CONSOLE_TEXT_PENDING_MAX];
} ConsoleText;

/* Space that console_text_put() may need for that many bytes, and console_text_end() for 0. */
#define CONSOLE_TEXT_ROOM(size) (CONSOLE_TEXT_GROWTH * ((size) + CONSOLE_TEXT_PENDING_MAX))

/* Writes the text of these bytes to out and returns its length. No NUL is added. */
size_t console_text_put(ConsoleText *t, const void *data, size_t size, char *out);

/* The line or the output has ended: what was pending is shown too. */
size_t console_text_end(ConsoleText *t, char *out);
