/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* A guest that runs without its umld. */

#include "umlctl/options.h"

/* Ends it, by UMLD_METHOD_STOP or UMLD_METHOD_KILL. Prints why if that fails; returns the exit
 * code. */
int orphan_end(const Options *o, const char *guest, const char *method);
