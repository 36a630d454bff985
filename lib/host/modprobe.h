/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "basic/macro.h"

/* Loads a kernel module with the program that the kernel itself would call. -EOPNOTSUPP: this host
 * has no such program, as in containers; -EIO: it ran and failed. */
int modprobe(const char *module);
