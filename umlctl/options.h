/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The options given on the command line. */

#include "api/guest-state.h"
#include "basic/time-util.h"

typedef struct Options {
        usec_t timeout;      /* USEC_INFINITY: none */
        usec_t confirm;      /* 0: not given */
        GuestState wait_for; /* GUEST_RUNNING or GUEST_STOPPED */
        bool json;
        bool no_wait;
        bool quiet;
        uint64_t shrink, grow; /* bytes; 0: not given */

        bool follow;
        bool some_lines; /* --lines was given */
        uint64_t lines;
        usec_t since; /* CLOCK_REALTIME, 0: not given */
        bool some_boot;
        int64_t boot; /* 0: the latest, -1: the one before */

        bool read_only;
        bool force;

        char *const *words; /* arguments after the guest's name, NULL-terminated */
} Options;
