/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What a kernel's answers mean. Pure; the texts are another program's output: NUL-terminated,
 * otherwise anything. All return 0, -ENOMEM, or -EBADMSG for what no UML kernel would say; the
 * kernel then is unchanged or has some of the fields set, for uml_kernel_free(). */

#include "uml/kernel.h"

int kernel_read_version(const char *text, UmlKernel *k); /* of --version: release, major, minor */
int kernel_read_config(const char *text, UmlKernel *k);  /* of --showconfig: what is built in */
int kernel_read_help(const char *text, UmlKernel *k);    /* of --help: parameters, seccomp */
