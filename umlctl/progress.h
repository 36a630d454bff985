/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The progress line. It appears after a second, so that short operations stay silent, is updated in
 * place, and is erased before anything else is printed. Without a terminal there is none. */

#include "basic/time-util.h"

typedef struct Progress {
        const char *name; /* borrowed */
        char *text;       /* the current step */
        usec_t begin;
        bool enabled, shown;
        uint64_t done, total; /* bytes; total 0: unknown */
} Progress;

/* From now on there are no such lines. */
void progress_forbid(void);

void progress_begin(Progress *p, const char *name, bool enabled);

/* Sets the text of the line. */
void progress_set(Progress *p, const char *text);

/* Sets how much of it is done; progress_set() starts again. */
void progress_set_amount(Progress *p, uint64_t done, uint64_t total);

/* Erases the line for now, because something else is to be printed. */
void progress_wipe(Progress *p);

/* Redraws the line; to be called a few times per second. */
void progress_draw(Progress *p);

/* Erases the line. May be called twice. */
void progress_end(Progress *p);

/* Formats the line for this many columns; the caller frees it. */
char *progress_line(const char *name, const char *text, usec_t elapsed, size_t width);
