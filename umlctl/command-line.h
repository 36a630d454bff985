/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The options of umlctl: THE table of them, and what a command line makes of it. */

#include "umlctl/verb-table.h"

enum {
        OPTIONS_MAX = 32,
};

typedef struct CommandLine {
        Options options;
        bool given[OPTIONS_MAX];
        bool help, version, tables;
        const char *verb; /* as it was written, NULL: there is none */
        int n_words;      /* what follows it without being an option */
        char *const *words;
} CommandLine;

/* All rows of the table. */
const OptionRow *option_rows(size_t *ret_n);

/* Reads the command line up to the verb. Returns 0 or the exit code, having said what is wrong. */
int command_line_begin(int argc, char *argv[], CommandLine *c);

/* Reads the rest, in which a letter stands for the option of this verb that has it. */
int command_line_finish(CommandLine *c, const Verb *v);
