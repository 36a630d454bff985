/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "umlctl/progress.h"

/* Copies an open file to another one, with its holes, and by sharing blocks where the file
 * system can. Returns 0 or a negative errno, with *ret_why if there is more to say, which the
 * caller frees. */
int copy_file(int from, int to, Progress *progress, char **ret_why);
