/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "basic/child.h"

/* Runs umld, which has that long: its exit code, and what it printed. What it says of errors goes
 * to standard error, or nowhere if it is to be quiet. */
int umld_call(const char *const words[], bool quiet, usec_t patience, Child *ret);
