/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The modules of its kernel that a guest needs in its image. */

#include "umlctl/kernel-modules.h"

#define MODULES_PROBE_TIMEOUT (10 * USEC_PER_SEC)

/* What a guest is, as far as its modules depend on it. */
typedef struct ModulesNeed {
        const char *kernel; /* its path */
        const char *dir;    /* where the modules are; NULL: where they are installed */
        bool fast_network, ipv6;
        const Strv *named; /* what the user asked for */
} ModulesNeed;

typedef struct GuestModules {
        UmlKernel *kernel; /* what it says of itself; NULL: it could not be asked */
        KernelModules wanted;
        int archive;  /* of them; -1: none is needed */
        char *record; /* the text of api/modules-record.h */
} GuestModules;

#define GUEST_MODULES_INIT ((GuestModules){ .archive = -EBADF })

void guest_modules_done(GuestModules *m);

/* Asks the kernel, and packs the modules that are needed into the workspace. Returns 1, 0 if none
 * is needed, or a negative errno with *ret_why, one line that the caller frees. */
int guest_modules_pack(GuestModules *m, const ModulesNeed *need, const Workspace *w,
                       Progress *progress, char **ret_why);
