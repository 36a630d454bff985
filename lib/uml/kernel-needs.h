/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The files that a dynamically linked kernel needs beside itself: its dynamic loader and the shared
 * objects that this will look for. They are found here as ld.so(8) finds them, in its cache and in
 * the directories that it trusts, without running anything. */

#include "basic/string-util.h"

typedef struct KernelNeeds {
        char *loader;      /* as the kernel names it; NULL: it is static */
        Strv names, paths; /* name[i] is what is looked for, path[i] where it is on this host */
} KernelNeeds;

void kernel_needs_done(KernelNeeds *n);

/* Finds what these programs and objects need, what that needs in turn, and the object that libc
 * loads by itself when a thread is cancelled. -ENOENT: *ret_missing, which the caller frees, cannot
 * be found. */
int kernel_needs_find(const char *const *programs, size_t n, KernelNeeds *ret, char **ret_missing);
