/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Which guests a verb is for: names, patterns as in a shell, or all. */

#include "umlctl/verb-table.h"

typedef struct Selection {
        Strv names;  /* each once, in the order in which they were given */
        bool single; /* one guest, and it would be one whatever guests there are */
        int n_words; /* arguments of the command line that were names */
} Selection;

void selection_done(Selection *s);

/* Returns 0, or the exit code after an error message. */
int selection_make(const Verb *v, const Options *o, char *const *words, int n_words,
                   Selection *ret);
