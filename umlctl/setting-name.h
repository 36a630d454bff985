/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Settings as they are named on the command line: KEY or SECTION.KEY. */

#include "conf/settings.h"

/* The row of the first `size` bytes; a key that is in several sections means the first one. NULL:
 * there is none. */
const Setting *setting_named(const char *name, size_t size);

/* Returns the usage error about a name that is not known, with the nearest one; `option` is what
 * comes before it ("--set="). */
int setting_fail(const char *option, const char *given, size_t size);
