/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The progress line. It appears after a second, so that short operations stay silent, is updated in
 * place, and is erased before anything else is printed. Without a terminal there is none. */

#include "basic/time-util.h"

typedef struct Progress {
        const char *name; /* borrowed */
        char *text;       /* what is going on */
        usec_t begin;
        bool enabled, shown;
} Progress;

void progress_begin(Progress *p, const char *name, bool enabled);

/* Sets the text of the line. */
void progress_set(Progress *p, const char *text);

/* Redraws the line; to be called a few times per second. */
void progress_draw(Progress *p);

/* Erases the line. May be called twice. */
void progress_end(Progress *p);

/* Formats the line for this many columns; the caller frees it. */
char *progress_line(const char *name, const char *text, usec_t elapsed, size_t width);
