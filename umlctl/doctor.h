/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What umld --doctor finds, as JSON: an array of objects with group, check, verdict, text, remedy
 * and repair, the last two "" if there is nothing to do. */

#include <jansson.h>

#include "basic/string-util.h"

/* guest: NULL = of none. *ret_code is its exit code; what it says of errors goes to standard error,
 * or nowhere if it is to be quiet. */
int doctor_ask(const char *guest, bool measure, bool quiet, json_t **ret, int *ret_code);

/* Has umld repair what a check has found, and returns its exit code. */
int doctor_repair(const char *guest, const char *check);

/* After a failed start: shows the faults, apart from those that the message says already, which
 * may be NULL. */
void doctor_say_faults(const char *guest, const char *message);
