/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* This host's static busybox, which runs in any tree: that of BUSYBOX, or the one of the system. */

#include <sys/types.h>

#include "basic/macro.h"

/* Reads it; the caller frees *ret. Returns its size, or -ENOENT. */
ssize_t busybox_read(const char **ret_path, char **ret);

/* Its path, or NULL. */
const char *busybox_path(void);
