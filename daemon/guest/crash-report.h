/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* A report of each crash, for administrators (api/crash-files.h). */

#include "api/guest-state.h"
#include "basic/time-util.h"

typedef struct CrashReport {
        usec_t when;     /* CLOCK_REALTIME */
        usec_t run_time; /* from exec to end */
        Verdict verdict;
        const char *detail; /* or NULL */
        const char *panic;  /* escaped, or NULL */
        bool booted;
        bool have_status;
        int status; /* as from waitpid() */
        const char *kernel_path, *kernel_version;
        uint64_t memory_size;
        const char *memory_path; /* or NULL */
        uint64_t memory_room, memory_taken;
        const char *tap, *tap_state;
        const char *console; /* the last output, raw; from the guest */
} CrashReport;

/* Formats the report, at most CRASH_REPORT_SIZE_MAX bytes; NULL: out of memory. */
char *crash_report_format(const CrashReport *c);

/* Writes it as the newest one in the directory, which is created if necessary, and removes the
 * oldest ones if there are too many: these first, which may free the space needed. */
int crash_report_write(const char *directory, const char *text);
