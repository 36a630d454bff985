/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The options of umlctl: THE table of them, and the parsed command line. */

#include "umlctl/verb-table.h"

enum {
        OPTIONS_MAX = 48,
};

typedef struct CommandLine {
        Options options;
        bool given[OPTIONS_MAX];
        bool help, version, tables;
        const char *host; /* where umlctl is to run; NULL: here */
        Strv passed;      /* all options but this one, as "--name=value" */
        const char *verb; /* as given; NULL: no verb */
        int n_words;      /* the arguments after it that are not options */
        char *const *words;
} CommandLine;

/* All rows of the table. */
const OptionRow *option_rows(size_t *ret_n);

/* Parses the command line up to the verb. Returns 0 or the exit code after printing the error. */
int command_line_begin(int argc, char *argv[], CommandLine *c);

/* Parses the rest, where a letter stands for this verb's option with that letter. */
int command_line_finish(CommandLine *c, const Verb *v);

void command_line_done(CommandLine *c);
