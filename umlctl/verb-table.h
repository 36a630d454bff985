/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The format of the tables of verbs and options, and look-ups in them; the tables themselves are in
 * main.c and command-line.c. */

#include "umlctl/options.h"

struct CommandLine;

enum {
        /* What a verb requires of its guest. */
        VERB_GUEST = 1 << 0, /* takes a guest; if omitted, the only configured one */
        VERB_KNOWN = 1 << 1, /* the guest must exist: have a configuration or a control socket */
        VERB_CONFIGURED = 1 << 2, /* the guest must have a configuration */
        VERB_ALL = 1 << 3,        /* if omitted, all guests, unless there is only one */
        VERB_EVERY = 1 << 21,     /* if omitted, all guests */
        VERB_MANY = 1 << 19,      /* takes several guests, patterns and --all */
        VERB_TOGETHER = 1 << 20,  /* and is run once for all of them: Options.guests */
        /* Its last argument is not a guest: always if it needs an argument, else if it begins with
         * a digit, as no guest's name does. */
        VERB_LAST = 1 << 30,

        /* The options it takes in addition to the general ones. */
        VERB_JSON = 1 << 4,
        VERB_TIMEOUT = 1 << 5,
        VERB_FOR = 1 << 6,
        VERB_NO_WAIT = 1 << 7,
        VERB_TABLE = 1 << 8,
        VERB_EVENTS = 1 << 24,
        VERB_TOP = 1 << 26,
        VERB_COMMAND = 1 << 23, /* what is behind the guest is not for us, but a command */
        VERB_MEMORY = 1 << 15,
        VERB_LOG = 1 << 9,
        VERB_ATTACH = 1 << 10,
        VERB_FORCE = 1 << 11,
        VERB_CONFIRM = 1 << 12,
        VERB_CREATE = 1 << 13,
        VERB_MODULES = 1 << 14,
        VERB_EXPORT = 1 << 16,
        VERB_IMPORT = 1 << 17,
        VERB_ENABLE = 1 << 18,
        VERB_LIVE = 1 << 22,
        VERB_FIX = 1 << 27,
        VERB_NOW = 1 << 28,
        VERB_METRICS = 1 << 29,

        VERB_PAGED = 1 << 25, /* its output may be long */
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
        unsigned verb_flag;  /* verbs with one of these flags take the option; 0: all verbs do */
        char letter;         /* '\0': no letter */
        const char *help;    /* NULL: hidden */
        int (*take)(struct CommandLine *c, const char *value); /* 0, or the exit code */
} OptionRow;

/* Finds the verb with that name, or the only one that begins with it. -ENOENT: none; -ENOTUNIQ:
 * several, whose names are in *ret_candidates ("start, status, stop"), which the caller frees. */
int verb_find(const Verb *verbs, size_t n, const char *name, const Verb **ret,
              char **ret_candidates);
