/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Reads a password from standard input, without showing it where that is a terminal. *ret is its
 * hash for a line of shadow(5), which the caller frees. Returns 0 or the exit code, after an error
 * message. */

#include "basic/macro.h"

int password_read(char **ret);
