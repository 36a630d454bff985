/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Where the output goes: a terminal or a pipe, with or without colours. */

#include "basic/macro.h"

typedef enum Colour {
        COLOUR_NONE,
        COLOUR_RED,
        COLOUR_GREEN,
        COLOUR_YELLOW,
        COLOUR_GREY,
        COLOUR_MAX,
} Colour;

/* Is fd a terminal, or, if it is standard output, shown on one by a pager? */
bool terminal_is(int fd);

/* To be called before standard output is replaced by a pipe to a pager: the answers below, and the
 * one above, remain those for the terminal. */
void terminal_keep_output(void);

/* Is fd a terminal that understands control sequences at all? */
bool terminal_smart(int fd);

/* May the output to it be coloured (NO_COLOR)? */
bool terminal_coloured(int fd);

/* Its width in columns; 80 if unknown. */
size_t terminal_width(int fd);

/* The sequence that switches a colour on; COLOUR_NONE resets all attributes. */
const char *colour_sequence(Colour colour);
