/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Parses a kernel's output. Pure; the texts come from another program: NUL-terminated, otherwise
 * arbitrary. All return 0, -ENOMEM, or -EBADMSG for text that no UML kernel would print; the kernel
 * is then untouched or has some of its fields set, for uml_kernel_free(). */

#include "uml/kernel.h"

int kernel_read_version(const char *text, UmlKernel *k); /* of --version: release, major, minor */
int kernel_read_config(const char *text, UmlKernel *k);  /* of --showconfig: what is built in */
int kernel_read_help(const char *text, UmlKernel *k);    /* of --help: seccomp */
