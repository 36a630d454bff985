/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The modules of a guest's kernel: those that it needs out of the many that are installed beside
 * it, with what they depend on and with the indices for modprobe(8). */

#include "uml/kernel.h"
#include "umlctl/progress.h"
#include "umlctl/workspace.h"

typedef struct KernelModules {
        const UmlKernel *kernel;
        const char *dir; /* where its modules are; NULL: they are looked for */
        Strv names;      /* of those that have to be there: "tcp_bbr" */
        bool ipv6;       /* and that one, unless it is built in */
} KernelModules;

/* Packs them into an archive in the workspace, which *ret reads. Returns 0, or a negative errno
 * with *ret_why, one line that the caller frees. -ENOENT: they are not installed here. */
int kernel_modules_pack(const KernelModules *m, const Workspace *w, Progress *progress, int *ret,
                        char **ret_why);
