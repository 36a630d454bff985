/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* A guest's console output made fit for somebody else's terminal. What it prints may be meant for
 * its own terminal only (colours, cursor moves), may be no text at all, or may be an attack: a
 * sequence that makes the terminal type something, rename its window or hide a line. So nothing
 * but text comes out of here:
 *   - complete control sequences are left out
 *   - incomplete and endless ones, and all other control characters, are shown: "^[", "^G"
 *   - what is no UTF-8 is shown as "\xNN"; so is everything beyond ASCII for a terminal without it
 *   - characters that reorder or hide text are shown as "\u202e"
 * Newlines and tabs stay; carriage returns before a newline go. The state is a fixed size,
 * sequences and characters may lie across calls. */

#include "basic/macro.h"

enum {
        CONSOLE_TEXT_PENDING_MAX = 256, /* longest control sequence that is left out */
        CONSOLE_TEXT_GROWTH = 4,        /* bytes out for one byte in, at most */
};

typedef struct ConsoleText {
        bool utf8; /* what comes out may be UTF-8, else ASCII; for the caller to set */
        unsigned state;
        size_t n_pending;
        unsigned char pending[CONSOLE_TEXT_PENDING_MAX];
} ConsoleText;

/* Room that console_text_put() may need for that many bytes, and console_text_end() for 0. */
#define CONSOLE_TEXT_ROOM(size) (CONSOLE_TEXT_GROWTH * ((size) + CONSOLE_TEXT_PENDING_MAX))

/* Appends the text of these bytes to out; returns how many bytes that were. No NUL is added. */
size_t console_text_put(ConsoleText *t, const void *data, size_t size, char *out);

/* The line or the output is over: what was pending is shown too. */
size_t console_text_end(ConsoleText *t, char *out);
