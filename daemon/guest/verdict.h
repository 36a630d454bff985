/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* How did the guest end? A pure judgement of the evidence. */

#include "api/guest-state.h"
#include "basic/cleanup.h"

/* What umld itself did to the guest before its end. */
typedef enum GuestAsked {
        ASKED_NOTHING,
        ASKED_STOP,      /* a clean stop is in progress */
        ASKED_STOP_SICK, /* a clean stop, because a service in it did not answer */
        ASKED_KILL,      /* a kill was requested */
        ASKED_KILL_HUNG, /* umld killed it, because it was not ready in time */
} GuestAsked;

typedef struct Evidence {
        bool have_status; /* umld-init reported the end of the main process */
        int status;       /* as from waitpid() */
        bool booted;      /* the management console had answered */
        bool ready;
        GuestAsked asked;
        const char *panic;     /* text of the PANIC notification, escaped, or NULL */
        const char *console;   /* the last output, raw, NUL-terminated; from the guest */
        const char *stop_step; /* ASKED_STOP…: the step of the stop that was reached */
        bool stop_clean;       /* whether that step lets the guest shut down by itself */
        const char *hung_why;  /* ASKED_KILL_HUNG, ASKED_STOP_SICK: the sentence */
        /* Where its memory file was, the size of that file system, 0 = unknown, what is free there
         * after its end, and how much the guest may have used, in bytes. */
        const char *memory_path;
        uint64_t memory_size, memory_free, memory_need;
} Evidence;

/* *ret_detail is one sentence without the verdict's name, which the caller frees. Text from the
 * guest only decides between poweroff and reboot, and whether a panic is reported as one of memory
 * or disk. */
int verdict_judge(const Evidence *e, Verdict *ret, char **ret_detail);
