/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The files that umld needs in addition to itself. */

#include "basic/macro.h"

typedef enum Companion {
        COMPANION_INIT,        /* umld-init */
        COMPANION_DISK_CHECK,  /* umld-disk-check */
        COMPANION_NOTIFY,      /* umld-notify */
        COMPANION_MODULES,     /* umld-modules */
        COMPANION_CPU_FIX,     /* preloaded into kernels before 6.13 */
        COMPANION_CONSOLE_FIX, /* preloaded into kernels whose console has a terminal */
        COMPANION_TUN_FIX,     /* preloaded into kernels in a network namespace of their own */
        COMPANION_IMAGE_FIX,   /* preloaded into e2fsck */
        COMPANION_GUEST_INIT,  /* umld-guest-init, which boots a trial for umld --doctor */
        COMPANION_MAX,
} Companion;

/* Returns its path, which the caller frees: next to this program in a build tree, relative to it in
 * a relocated installation, else the directory it was configured to be installed in. -ENOENT:
 * *ret_path is where it was expected. */
int companion_find(Companion which, char **ret_path);
