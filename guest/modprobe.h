/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What the kernel asks /sbin/modprobe for, where the image has no such program. */

#include <stddef.h>

#include "basic/string-util.h"

/* The files of a module and of those that it needs, in the order in which they are to be loaded, by
 * its name or by an alias; dep and alias are the contents of modules.dep and modules.alias.
 * -ENOENT: there is none. */
int modprobe_files(const char *dep, const char *alias, const char *name, Strv *ret);

/* `modprobe -q -- NAME`; returns the exit status. */
int modprobe_main(int argc, char *argv[]);
