/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* STATE/NAME/crashes/NUMBER: a report for each crash of a guest, lines of KEY=VALUE. Numbers only
 * increase, so that they identify the newest report even if the host's clock has jumped. Text from
 * the guest is escaped. Keys that do not apply are missing; later versions may add keys. */

#include <sys/types.h>

#include "basic/macro.h"

#define CRASH_WHEN           "WHEN"        /* when it ended; CLOCK_REALTIME, microseconds */
#define CRASH_VERDICT        "VERDICT"     /* enum Verdict */
#define CRASH_DETAIL         "DETAIL"      /* one sentence */
#define CRASH_PANIC          "PANIC"       /* the kernel's panic message */
#define CRASH_RUN_TIME       "RUN_TIME"    /* microseconds */
#define CRASH_BOOTED         "BOOTED"      /* yes or no: had the management console answered? */
#define CRASH_EXIT_STATUS    "EXIT_STATUS" /* of the kernel's main process */
#define CRASH_SIGNAL         "SIGNAL"      /* the signal that killed it, if it did not exit */
#define CRASH_KERNEL_PATH    "KERNEL_PATH"
#define CRASH_KERNEL_VERSION "KERNEL_VERSION"
#define CRASH_MEMORY_SIZE    "MEMORY_SIZE" /* Memory=, bytes */
#define CRASH_MEMORY_PATH    "MEMORY_PATH"
#define CRASH_MEMORY_ROOM    "MEMORY_ROOM"  /* size of the file system there, bytes, 0 = no limit */
#define CRASH_MEMORY_TAKEN   "MEMORY_TAKEN" /* how much of that others than the guest used */
#define CRASH_TAP            "TAP"
#define CRASH_TAP_STATE      "TAP_STATE" /* up, down or missing */
#define CRASH_CONSOLE        "CONSOLE"   /* one of the last lines; this key is repeated */

enum {
        CRASH_REPORTS_MAX = 20,        /* older ones are removed */
        CRASH_REPORT_SIZE_MAX = 65536, /* bytes per report */
};

/* The path of STATE/NAME/crashes, or of the report with that number; the caller frees it. */
char *crash_directory(const char *name);
char *crash_path(const char *name, uint64_t number);

/* Is it the name of a report? */
bool crash_file_number(const char *file, uint64_t *ret);

/* Lists the newest reports in the directory, newest first. Returns how many there are in all, which
 * may be more than max; a missing directory has none. */
ssize_t crash_files_list(const char *directory, uint64_t *ret_numbers, size_t max);
