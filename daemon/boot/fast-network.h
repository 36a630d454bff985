/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* FastNetwork=: TCP settings for the guest's kernel. Pure. */

#include "conf/config.h"
#include "uml/kernel.h"

/* Appends the arguments for this kernel and memory size, except for sysctls that Append= sets
 * itself. None if the kernel does not support them. */
int fast_network_arguments(const Config *c, const UmlKernel *k, Strv *argv);
