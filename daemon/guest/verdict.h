/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* How did the guest end? A pure judgement from what was seen. */

#include "api/guest-state.h"
#include "basic/cleanup.h"

/* What umld itself did to the guest before its end. */
typedef enum GuestAsked {
        ASKED_NOTHING,
        ASKED_STOP,      /* a clean stop is under way */
        ASKED_STOP_SICK, /* … for a service in it did not answer */
        ASKED_KILL,      /* a power cut was ordered */
        ASKED_KILL_HUNG, /* umld cut the power, for it was not ready in time */
} GuestAsked;

typedef struct Evidence {
        bool have_status; /* umld-init reported the end of the main process */
        int status;       /* as of waitpid() */
        bool booted;      /* the management console had answered */
        bool ready;
        GuestAsked asked;
        const char *panic;     /* text of the PANIC notification, escaped, or NULL */
        const char *console;   /* the last output, raw, NUL-terminated; guest-made */
        const char *stop_step; /* ASKED_STOP…: the step of the stop that was reached */
        bool stop_clean;       /* … and whether that step lets the guest shut down by itself */
        const char *hung_why;  /* ASKED_KILL_HUNG, ASKED_STOP_SICK: the sentence */
        /* Where its memory file was, the size of that file system, 0 = not known, what is free
         * there after its end, and what the guest may have held, in bytes. */
        const char *memory_path;
        uint64_t memory_size, memory_free, memory_need;
} Evidence;

/* *ret_detail is one human sentence without the verdict's name, the caller's to free(). Text of the
 * guest's making decides only between poweroff and reboot, and whether a panic is told as one of
 * memory or disk. */
int verdict_judge(const Evidence *e, Verdict *ret, char **ret_detail);
