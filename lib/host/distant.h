/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* File systems with a server: when that is gone, every access to them waits for it, even stat() and
 * close(). */

#include <stdbool.h>

/* Is this open file on one? Also if that cannot be told. Asks nobody but the kernel. */
bool file_is_distant(int fd);

/* Is that file on one, or, if it does not exist, the nearest directory above it? Asks the server,
 * and so may wait for ever: for child processes. */
bool path_is_distant(const char *path);
