/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* One verb for several guests, each in a process of its own: they wait for their guests at the same
 * time, and what goes wrong with one does not stop the others. */

#include "umlctl/verb-table.h"

/* Returns the exit code of the first guest, in their order, for which the verb failed. */
int many_run(const Verb *v, const Options *o, const Strv *names);
