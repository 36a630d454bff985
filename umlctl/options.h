/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The options given on the command line. */

#include "api/guest-state.h"
#include "basic/string-util.h"
#include "basic/time-util.h"

/* Of create. Texts are borrowed from the command line; NULL or 0: not given. */
typedef struct CreateOptions {
        const char *from, *sha256, *mirror;
        uint64_t size, memory; /* bytes */
        const char *kernel, *hostname;
        uint64_t swap;                   /* bytes */
        const char *recipe;              /* its name, "auto" or "none" */
        const char *ssh_key, *firstboot; /* paths of files */
        bool password;                   /* is read from standard input */
        const char *modules; /* directory of the kernel's modules; also of the verb modules */
        Strv forwards;       /* --forward, as given */
        Strv set;            /* --set: KEY=VALUE or SECTION.KEY=VALUE */
        Strv copies;         /* --copy: FILE:PATH */
} CreateOptions;

typedef struct Options {
        usec_t timeout;      /* USEC_INFINITY: none */
        usec_t confirm;      /* 0: not given */
        GuestState wait_for; /* GUEST_RUNNING or GUEST_STOPPED */
        bool json;
        bool no_wait;
        bool enable; /* of start */
        bool now;    /* of enable and disable */
        bool quiet;
        bool no_pager;
        bool all;           /* all guests */
        const char *output; /* columns, comma-separated; NULL: the usual ones */
        bool no_headings;
        const char *sort;      /* of top; NULL: not given */
        usec_t interval;       /* of top; 0: not given */
        uint64_t count;        /* of top; 0: not given */
        const char *textfile;  /* of metrics; NULL: not given */
        uint64_t shrink, grow; /* bytes; 0: not given */

        bool follow;
        bool some_lines; /* --lines was given */
        uint64_t lines;
        usec_t since; /* CLOCK_REALTIME, 0: not given */
        bool some_boot;
        int64_t boot; /* 0: the latest, -1: the one before */

        bool live;            /* of export and disk */
        bool with_kernel;     /* of export */
        const char *new_name; /* of import; NULL: not given */
        bool read_only;
        bool force;
        bool fix; /* of doctor */

        CreateOptions create;

        char *const *words; /* arguments after the guest's name, NULL-terminated */

        const Strv *guests; /* of a verb that is run once for all of them */
        bool single;        /* one guest was named, by its name */
        bool every;         /* no guest was named */
} Options;
