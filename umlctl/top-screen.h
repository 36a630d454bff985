/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* A terminal that a program has for itself: it draws whole pictures and reads keys. However the
 * program ends, short of being killed by SIGKILL, the terminal is as it was. */

#include "basic/time-util.h"

typedef enum ScreenEvent {
        SCREEN_TIMEOUT,
        SCREEN_KEY,    /* in *ret_key */
        SCREEN_REDRAW, /* its size has changed, or it shows something else */
        SCREEN_END,    /* a signal is to end the program, in *ret_signal, or the terminal is gone */
} ScreenEvent;

/* Takes over the terminal of standard input and output. */
int screen_enter(void);
void screen_leave(void);

/* Draws text, of which it shows the lines and columns that there is room for. A sequence of colour
 * takes no room. */
void screen_draw(const char *text);

size_t screen_width(void);

ScreenEvent screen_wait(usec_t limit, char *ret_key, int *ret_signal);
