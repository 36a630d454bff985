/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* One command to the management console of a guest's kernel, by its umld. */

#include "basic/macro.h"

/* *ret_answer and, on failure, *ret_why are texts that the caller frees; *ret_why may stay NULL. */
int mconsole_call(const char *guest, const char *command, char **ret_answer, char **ret_why);
