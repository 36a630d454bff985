/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The guest's kernel: its features, and what it needs to run on this CPU. */

#include <sys/stat.h>

#include "daemon/base/fault.h"
#include "uml/kernel-probe.h"

struct Host;

/* Written by kernel_up() alone. */
typedef struct Kernel {
        UmlProbe *probe;   /* while it is being queried */
        struct stat asked; /* identifies the file that was queried */
        UmlKernel *uml;    /* the result of the query; NULL = not queried yet */
        struct stat stat;  /* identifies the file, to notice that it has been replaced */
        char *cpu_fix;     /* object that makes the kernel work on this CPU, or NULL */
        char *console_fix; /* object that makes it follow its terminal's size, or NULL */
        char *tun_fix;     /* object that lets it have its tap in an empty network namespace, or
                              NULL */
        bool lacks_fix;    /* it would need the first, but is static */
} Kernel;

/* Frees what it holds. */
void kernel_done(Kernel *k);

/* Identifies the file as a text, which the caller frees, for an umld that adopts its guest: the
 * kernel that it finds then is the one that runs, or another. */
char *kernel_identity(const Kernel *k);
void kernel_adopt(Kernel *k, const char *identity);

/* The step: queries the kernel, unless that was done for this very file. */
int kernel_up(struct Host *h, Fault *f);
