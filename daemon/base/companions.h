/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The files that umld needs beside itself. */

#include "basic/macro.h"

typedef enum Companion {
        COMPANION_INIT,        /* umld-init */
        COMPANION_DISK_CHECK,  /* umld-disk-check */
        COMPANION_CPU_FIX,     /* object to preload into kernels before 6.13 */
        COMPANION_CONSOLE_FIX, /* … into those with a terminal */
        COMPANION_MAX,
} Companion;

/* Its path, the caller's to free(): beside this program in a build tree, relative to it in an
 * installation that was moved, else where meson installs it. -ENOENT: *ret_path is the place that
 * was expected. */
int companion_find(Companion which, char **ret_path);
