/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What the output goes to: a terminal or a pipe, with colours or without. */

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

/* … and may it be coloured (NO_COLOR)? */
bool terminal_coloured(int fd);

/* Its columns; 80 where nobody knows. */
size_t terminal_width(int fd);

/* The sequence that switches a colour on; COLOUR_NONE switches all off. */
const char *colour_sequence(Colour colour);
