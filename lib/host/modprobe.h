/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "basic/child.h"

/* Begins to load these kernel modules, a NULL-terminated list, by the program that the kernel
 * itself would call; the child ends when they are there, or cannot be. -EOPNOTSUPP: this host has
 * no such program, as is so in containers. */
int modprobe_start(const char *const modules[], Child *ret);
