/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* umlctl --complete WORD..., which the completions of shells run. */

#include "umlctl/verb-table.h"

/* Prints what the last of the words (NULL-terminated) may become after the others: a line for each,
 * "WORD\tHELP". ":files" and ":hosts" stand for what the shell can find itself. */
int complete(const Verb *verbs, size_t n_verbs, char *const words[]);
