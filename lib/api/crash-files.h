/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* STATE/NAME/crashes/NUMBER: a report of each crash of a guest, lines of KEY=VALUE. Numbers only
 * ever rise, so that they tell the newest one also where the host's clock has jumped. What came
 * from the guest is escaped. Keys that do not apply are missing; later versions may have more. */

#include <sys/types.h>

#include "basic/macro.h"

#define CRASH_WHEN           "WHEN"        /* of the end; CLOCK_REALTIME, microseconds */
#define CRASH_VERDICT        "VERDICT"     /* enum Verdict */
#define CRASH_DETAIL         "DETAIL"      /* one sentence */
#define CRASH_PANIC          "PANIC"       /* the kernel's own text */
#define CRASH_RUN_TIME       "RUN_TIME"    /* microseconds */
#define CRASH_BOOTED         "BOOTED"      /* yes or no: had the management console answered? */
#define CRASH_EXIT_STATUS    "EXIT_STATUS" /* of the kernel's main process */
#define CRASH_SIGNAL         "SIGNAL"      /* … or the signal that ended it */
#define CRASH_KERNEL_PATH    "KERNEL_PATH"
#define CRASH_KERNEL_VERSION "KERNEL_VERSION"
#define CRASH_MEMORY_SIZE    "MEMORY_SIZE" /* Memory=, bytes */
#define CRASH_MEMORY_PATH    "MEMORY_PATH"
#define CRASH_MEMORY_ROOM    "MEMORY_ROOM"  /* size of the file system there, bytes, 0 = no limit */
#define CRASH_MEMORY_TAKEN   "MEMORY_TAKEN" /* … and what others than the guest had of it */
#define CRASH_TAP            "TAP"
#define CRASH_TAP_STATE      "TAP_STATE" /* up, down or missing */
#define CRASH_CONSOLE        "CONSOLE"   /* one of the last lines; this key comes many times */

enum {
        CRASH_REPORTS_MAX = 20,        /* older ones are removed */
        CRASH_REPORT_SIZE_MAX = 65536, /* bytes of one */
};

/* STATE/NAME/crashes, or the report with that number in it; the caller's to free(). */
char *crash_directory(const char *name);
char *crash_path(const char *name, uint64_t number);

/* Is it the name of a report? */
bool crash_file_number(const char *file, uint64_t *ret);

/* The newest reports of that directory, newest first. Returns how many there are in all, which may
 * be more than max; no directory is none. */
ssize_t crash_files_list(const char *directory, uint64_t *ret_numbers, size_t max);
