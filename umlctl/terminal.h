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

/* Is fd a terminal that understands control sequences at all? */
bool terminal_smart(int fd);

/* May the output to it be coloured (NO_COLOR)? */
bool terminal_coloured(int fd);

/* Its width in columns; 80 if unknown. */
size_t terminal_width(int fd);

/* The sequence that switches a colour on; COLOUR_NONE resets all attributes. */
const char *colour_sequence(Colour colour);
