/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* One line on the terminal about what is being waited for. It appears after a second, so quick
 * things stay silent, moves in place, and is wiped before anything else is printed. Elsewhere than
 * on a terminal there is none. */

#include "basic/time-util.h"

typedef struct Progress {
        const char *name; /* borrowed */
        char *text;       /* what is going on, as it came */
        usec_t begin;
        bool enabled, shown;
} Progress;

void progress_begin(Progress *p, const char *name, bool enabled);

/* Something new is going on. */
void progress_set(Progress *p, const char *text);

/* Draws the line anew; to be called a few times each second. */
void progress_draw(Progress *p);

/* Wipes the line. May be called twice. */
void progress_end(Progress *p);

/* The line for this many columns, the caller's to free(). */
char *progress_line(const char *name, const char *text, usec_t elapsed, size_t width);
