/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Reads crash reports (api/crash-files.h) into JSON, of which the text is made as well. */

#include <jansson.h>

#include "basic/time-util.h"

/* Takes what it understands; a line it does not is for a later version. All keys are always there:
 * null is not known, console is an array. -EBADMSG: there is no WHEN or no VERDICT. */
int crash_parse(const char *text, json_t **ret);

/* Reads one. */
int crash_read(const char *path, json_t **ret);
