/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Runs a program of e2fsprogs on an image. */

#include "basic/string-util.h"

/* An open object (lib/preload/image-fix.c) that lets the programs use an image which their user may
 * not open; negative: none. */
void tool_preload(int fd);

/* The image, in argv. */
#define TOOL_IMAGE "/proc/self/fd/3"

/* The image is open as fd. Returns the program's exit status; -ENOENT: it is not installed; -EIO:
 * it was killed. *ret_output is the end of what it printed, made printable, which the caller frees;
 * it is set unless memory is out. */
int tool_run(const Strv *argv, int fd, char **ret_output);
