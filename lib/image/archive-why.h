/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Why libarchive failed. */

#include <archive.h>

#include "basic/cleanup.h"

/* Its message, escaped, since it may contain names from the archive; where the disk is the reason,
 * with what the kernel said: the library's "Write error" alone does not tell. NULL = out of memory.
 */
char *archive_why(struct archive *a);
