/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Parses crash reports (api/crash-files.h) into JSON, from which the text output is made as well.
 */

#include <jansson.h>

#include "basic/time-util.h"

/* Parses the lines that are known; unknown lines are for later versions. All keys are always
 * present: null means not known, console is an array. -EBADMSG: WHEN or VERDICT is missing. */
int crash_parse(const char *text, json_t **ret);

/* Reads and parses one file. */
int crash_read(const char *path, json_t **ret);
