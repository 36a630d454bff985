/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What a kernel has answered, kept in a file for the next start: without it, a start runs the
 * kernel three times before it boots it. A record is for one file and one version of umld; one that
 * is wrong in any way is ignored. */

#include <sys/stat.h>

#include "uml/kernel.h"

/* Can a change of that file be told from its status? Not if it has just been changed: its times are
 * those of the kernel's clock, which ticks some hundred times in a second. */
bool kernel_record_settled(const struct stat *kernel);

/* The text for that file, whose status is `kernel`; the caller frees it. NULL: out of memory. */
char *kernel_record_text(const UmlKernel *k, const struct stat *kernel);

/* Reads such a text. -ESTALE: it is of another file or of another umld; -EBADMSG: it is damaged. */
int kernel_record_parse(const char *text, const char *path, const struct stat *kernel,
                        UmlKernel **ret);

/* Reads the file with it. -EPERM: it is not ours, or others may write to it. */
int kernel_record_read(const char *record, const char *path, const struct stat *kernel,
                       UmlKernel **ret);
