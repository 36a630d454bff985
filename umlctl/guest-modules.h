/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The modules of its kernel that a guest needs in its image, and what is remembered of them in
 * STATE/NAME/modules: the kernel's release, and on further lines those that the user asked for. */

#include "conf/config.h"
#include "umlctl/kernel-modules.h"

#define GUEST_MODULES_FILE    "modules"
#define MODULES_PROBE_TIMEOUT (10 * USEC_PER_SEC)

typedef struct GuestModules {
        UmlKernel *kernel; /* what it says of itself; NULL: it could not be asked */
        KernelModules wanted;
        int archive;  /* of them; -1: none is needed */
        char *record; /* the text to be remembered */
} GuestModules;

#define GUEST_MODULES_INIT ((GuestModules){ .archive = -EBADF })

void guest_modules_done(GuestModules *m);

/* Asks the kernel of this configuration, and packs the modules that it needs, and those named, from
 * this directory (NULL: where they are installed) into the workspace. Returns 1, 0 if none is
 * needed, or a negative errno with *ret_why, one line that the caller frees. */
int guest_modules_pack(GuestModules *m, const Config *c, const char *dir, const Strv *named,
                       const Workspace *w, Progress *progress, char **ret_why);

/* What is remembered. -ENOENT: nothing. */
int guest_modules_remembered(const char *guest, char **ret_release, Strv *named);
