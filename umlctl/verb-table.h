/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The form of the tables of verbs and options, and look-ups in them; the tables themselves are in
 * main.c. */

#include "umlctl/options.h"

struct CommandLine;

enum {
        /* What a verb needs to know of the guest that it is for */
        VERB_GUEST = 1 << 0,      /* takes one; left out, it is the only one configured */
        VERB_KNOWN = 1 << 1,      /* … which exists: has a configuration or a control socket */
        VERB_CONFIGURED = 1 << 2, /* … which has a configuration */
        VERB_ALL = 1 << 3,        /* left out, it is for all, unless there is just one */

        /* The options it takes beside those that all take */
        VERB_JSON = 1 << 4,
        VERB_TIMEOUT = 1 << 5,
        VERB_FOR = 1 << 6,
        VERB_NO_WAIT = 1 << 7,
        VERB_QUIET = 1 << 8,
        VERB_MEMORY = 1 << 15,
        VERB_LOG = 1 << 9,
        VERB_ATTACH = 1 << 10,
        VERB_FORCE = 1 << 11,
        VERB_CONFIRM = 1 << 12,
};

typedef struct Verb {
        const char *name, *argspec;
        unsigned min, max; /* arguments */
        unsigned flags;
        int (*run)(const Options *o, const char *arg);
        const char *help;
} Verb;

typedef struct OptionRow {
        const char *name;
        const char *argspec; /* NULL: takes no argument */
        unsigned verb_flag;  /* verbs that have it take this option; 0: all do */
        char letter;         /* '\0': none */
        const char *help;    /* NULL: not shown */
        int (*take)(struct CommandLine *c, const char *value); /* 0, or the exit code */
} OptionRow;

/* The verb with that name, or the one whose name begins so. -ENOENT: none; -ENOTUNIQ: several,
 * whose names are in *ret_candidates ("start, status, stop"), the caller's to free(). */
int verb_find(const Verb *verbs, size_t n, const char *name, const Verb **ret,
              char **ret_candidates);
